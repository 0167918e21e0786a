package media

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// replayWindow in packets, for RTP and RTCP (RFC 3711 section 3.3.2 wants at least 64).
const replayWindow = 128

// outbound protects what we send under our own key. It belongs to the one stream that sends.
type outbound struct {
	line cryptoLine
	ctx  *srtp.Context
}

// newOutbound: our packets carry no MKI, since our own line announces none.
func newOutbound(line cryptoLine) (*outbound, error) {
	ctx, err := newContext(line)
	return &outbound{line: line, ctx: ctx}, err
}

// inbound authenticates and decrypts what the other side sends under its key.
type inbound struct {
	line cryptoLine

	mu  sync.Mutex // a Recorder and the pacer may both read
	ctx *srtp.Context
}

func newInbound(line cryptoLine) (*inbound, error) {
	opts := []srtp.ContextOption{srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow)}
	if len(line.mki) > 0 {
		opts = append(opts, srtp.MasterKeyIndicator(line.mki))
	}
	ctx, err := newContext(line, opts...)
	return &inbound{line: line, ctx: ctx}, err
}

// open decrypts in place; an error means that the packet is not the other side's, or came before.
func (in *inbound) open(packet []byte, h *rtp.Header) ([]byte, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.ctx.DecryptRTP(packet, packet, h)
}

func newContext(line cryptoLine, opts ...srtp.ContextOption) (*srtp.Context, error) {
	profile, ok := line.suite.profile()
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrNoSuite, line.suite)
	}
	keyLen, _ := line.suite.lengths()
	ctx, err := srtp.CreateContext(line.key[:keyLen], line.key[keyLen:], profile, opts...)
	if err != nil {
		return nil, fmt.Errorf("SRTP context for %s: %w", line.suite, err)
	}
	return ctx, nil
}

// sameKey tells whether a re-negotiation kept the key: then its context goes on, with its rollover and replay state.
func (c cryptoLine) sameKey(o cryptoLine) bool {
	return c.suite.canonical() == o.suite.canonical() && bytes.Equal(c.key, o.key) && bytes.Equal(c.mki, o.mki)
}
