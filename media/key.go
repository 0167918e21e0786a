package media

import (
	"encoding/binary"
	"strings"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// Key is the SRTP key under which one side sends, as an a=crypto line told it. It prints as redacted.
type Key struct{ line cryptoLine }

// String hides the key.
func (Key) String() string { return "[redacted]" }

// GoString hides the key from %#v as well.
func (Key) GoString() string { return "[redacted]" }

// Same reports whether both are one key in one suite.
func (k Key) Same(o Key) bool { return k.line.sameKey(o.line) }

// keysOf reads every a=crypto line of a description that can be used.
func keysOf(lines []string) []Key {
	var keys []Key
	for _, l := range lines {
		if c, err := parseCrypto(strings.Clone(l)); err == nil { // so that the key does not keep the whole description
			keys = append(keys, Key{c})
		}
	}
	return keys
}

// Verifier tells whether packets were sent under a key, and nothing else: it keeps no state from one packet to the next
// but what a true packet has left, so that no stranger can change it. It is not safe for concurrent use.
type Verifier struct {
	key     Key
	ctx     *srtp.Context
	sources int // SSRCs that the context has state of
	head    rtp.Header
}

// mostSources bounds the SSRCs of one key that are remembered; each was in a true packet.
const mostSources = 16

// NewVerifier makes a verifier of one key.
func NewVerifier(k Key) (*Verifier, error) {
	v := &Verifier{key: k}
	return v, v.renew()
}

func (v *Verifier) renew() (err error) {
	var opts []srtp.ContextOption
	if len(v.key.line.mki) > 0 {
		opts = append(opts, srtp.MasterKeyIndicator(v.key.line.mki))
	}
	v.ctx, err = newContext(v.key.line, opts...)
	v.sources = 0
	return err
}

// Key is what the verifier verifies by.
func (v *Verifier) Key() Key { return v.key }

// RTP reports whether an SRTP packet verifies with this rollover counter (RFC 3711 section 3.3.1). The packet stays as
// it is; the clear text goes to scratch, which should have room for it.
func (v *Verifier) RTP(packet []byte, roc uint32, scratch []byte) bool {
	if len(packet) < 12 {
		return false
	}
	ssrc := binary.BigEndian.Uint32(packet[8:])
	_, known := v.ctx.ROC(ssrc)
	if !known && roc != 0 && !v.room() {
		return false
	}
	if known || roc != 0 {
		v.ctx.SetROC(ssrc, roc)
	}
	v.head.Extensions, v.head.CSRC = v.head.Extensions[:0], v.head.CSRC[:0]
	_, err := v.ctx.DecryptRTP(scratch[:0], packet, &v.head)
	if err == nil && !known && roc == 0 {
		v.room()
	}
	return err == nil
}

// room counts one more SSRC, and forgets all when there are too many.
func (v *Verifier) room() bool {
	if v.sources++; v.sources <= mostSources {
		return true
	}
	return v.renew() == nil
}

// RTCP reports whether an SRTCP packet verifies, and its index (RFC 3711 section 3.4).
func (v *Verifier) RTCP(packet, scratch []byte) (index uint32, ok bool) {
	if len(packet) < 12 {
		return 0, false
	}
	if _, err := v.ctx.DecryptRTCP(scratch[:0], packet, nil); err != nil {
		return 0, false
	}
	end := len(packet) - len(v.key.line.mki) - v.key.line.suite.rtcpTag()
	return binary.BigEndian.Uint32(packet[end-4:]) & 0x7FFFFFFF, true
}
