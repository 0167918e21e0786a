package link

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"sipward/sip/transport"
)

// Kinds of frames. An unknown kind is skipped, so that a newer node may say more.
const (
	kindHello = 'h' // JSON
	kindPing  = '?'
	kindPong  = '!'
	kindWrite = 'w' // token, message
	kindBring = 'b' // token, network, local, remote, message
	kindGone  = 'g' // token
)

const (
	maxFrame   = 128 << 10 // a message is at most 72 KiB (transport.Limits)
	frameHead  = 5         // length of what follows the kind (4 bytes), kind
	protocol   = 1
	maxHello   = 8 << 10
	maxBacklog = 4 << 20
	maxSpare   = 1 << 20 // of a write buffer that is kept
)

var errFrame = errors.New("link: the peer sent what is no frame")

// hello is the first frame of each side.
type hello struct {
	Protocol int                        `json:"protocol"`
	Node     string                     `json:"node"`
	Hosts    map[transport.Network]host `json:"hosts"`
}

// host is how a node names itself to the phones of one network.
type host struct {
	Host string `json:"host"`
	Port int    `json:"port,omitempty"`
}

// appendFrame appends a frame: texts, each with one byte of length, and the rest as it is.
func appendFrame(b []byte, kind byte, rest []byte, texts ...string) []byte {
	n := len(rest)
	for _, t := range texts {
		n += 1 + len(t)
	}
	b = append(binary.BigEndian.AppendUint32(b, uint32(n)), kind)
	for _, t := range texts {
		b = append(append(b, byte(len(t))), t...)
	}
	return append(b, rest...)
}

func appendHello(b []byte, h hello) []byte {
	text, err := json.Marshal(h)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return appendFrame(b, kindHello, text)
}

// readFrame reads one frame into buf, growing it as needed, and returns the body, which the next call overwrites.
func readFrame(r io.Reader, buf *[]byte, limit int) (kind byte, body []byte, err error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[:4])
	if n > uint32(limit) {
		return 0, nil, errFrame
	}
	if int(n) > cap(*buf) {
		*buf = make([]byte, n)
	}
	body = (*buf)[:n]
	_, err = io.ReadFull(r, body)
	return head[4], body, err
}

// cutText takes one text off a body.
func cutText(b []byte) (text string, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return "", nil, false
	}
	n := 1 + int(b[0])
	return string(b[1:n]), b[n:], true
}

// cutTexts takes n texts off a body.
func cutTexts(b []byte, texts ...*string) (rest []byte, ok bool) {
	for _, t := range texts {
		if *t, b, ok = cutText(b); !ok {
			return nil, false
		}
	}
	return b, true
}

func readHello(body []byte) (h hello, err error) {
	if err := json.Unmarshal(body, &h); err != nil {
		return h, errFrame
	}
	if h.Protocol != protocol {
		return h, fmt.Errorf("link: the peer speaks protocol %d, this node %d: run versions that are not too far apart", h.Protocol, protocol)
	}
	return h, nil
}

// addrText is an address for a frame, empty for none.
func addrText(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func parseAddr(s string) netip.AddrPort {
	a, _ := netip.ParseAddrPort(s) // none is none
	return a
}
