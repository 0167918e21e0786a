package phone

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// newParser reads only what transactions need; every other header stays the text it was.
func newParser() *gosip.Parser {
	all := gosip.DefaultHeadersParser()
	few := make(map[string]gosip.HeaderParser)
	for _, name := range []string{"via", "v", "call-id", "i", "cseq", "content-length", "l"} {
		few[name] = all[name]
	}
	return gosip.NewParser(gosip.WithHeadersParsers(few))
}

// readUDP serves the UDP socket.
func (p *Phone) readUDP() {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := p.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue // an ICMP error of some peer; the socket lives
		}
		raw := bytes.Clone(buf[:n])
		if len(bytes.Trim(raw, "\r\n\x00 ")) == 0 {
			continue // a keep-alive
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		p.receive(p.udpFlow(from), raw)
	}
}

// readStream cuts a stream into messages by Content-Length (RFC 3261 section 18.3). It is not sipgo's stream parser,
// because the ladder keeps the very bytes of each message.
func (p *Phone) readStream(f *flow, conn net.Conn) {
	var held []byte
	buf := make([]byte, 16<<10)
	for {
		n, err := conn.Read(buf)
		held = append(held, buf[:n]...)
		for {
			raw, rest, cutErr := cut(held)
			if cutErr != nil {
				f.fail(cutErr)
				return
			}
			held = rest
			if raw == nil {
				break
			}
			p.receive(f, raw)
		}
		if err != nil {
			f.fail(err)
			return
		}
	}
}

// cut takes the first whole message off the bytes held; nil if there is none yet. CRLFs in front are keep-alives.
func cut(held []byte) (raw, rest []byte, err error) {
	held = bytes.TrimLeft(held, "\r\n")
	end := bytes.Index(held, []byte("\r\n\r\n"))
	if end < 0 {
		if len(held) > maxDatagram {
			return nil, nil, errors.New("the peer sent a header section without end")
		}
		return nil, held, nil
	}
	size, err := bodySize(held[:end+2])
	if err != nil {
		return nil, nil, err
	}
	if total := end + 4 + size; total <= len(held) {
		return bytes.Clone(held[:total]), held[total:], nil
	}
	return nil, held, nil
}

// bodySize reads Content-Length, which is mandatory on a stream.
func bodySize(head []byte) (int, error) {
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if name = bytes.TrimSpace(name); !bytes.EqualFold(name, []byte("Content-Length")) && !bytes.EqualFold(name, []byte("l")) {
			continue
		}
		var n int
		if _, err := fmt.Sscanf(string(bytes.TrimSpace(value)), "%d", &n); err != nil || n < 0 || n > 1<<20 {
			return 0, fmt.Errorf("the peer sent the Content-Length %q", value)
		}
		return n, nil
	}
	return 0, fmt.Errorf("the peer sent a message without Content-Length on a stream: %w", io.ErrUnexpectedEOF)
}

// receive records, parses and hands on one message. What cannot be parsed stays in the ladder and goes no further.
func (p *Phone) receive(f *flow, raw []byte) {
	p.ladder.record(Entry{At: time.Now(), Peer: f.remote, Net: f.net, Raw: raw})
	parsed, err := p.parser.ParseSIP(raw)
	if err != nil {
		return
	}
	switch m := parsed.(type) {
	case *gosip.Response:
		if m.CSeq() != nil && m.Via() != nil {
			p.onResponse(m)
		}
	case *gosip.Request:
		if m.CSeq() != nil && m.Via() != nil && m.CallID() != nil {
			p.onRequest(f, m)
		}
	}
}

// write sends and records bytes.
func (p *Phone) write(f *flow, raw []byte) error {
	p.ladder.record(Entry{At: time.Now(), Out: true, Peer: f.remote, Net: f.net, Raw: raw})
	if err := f.send(raw); err != nil {
		if f.reliable {
			f.fail(err)
		}
		return fmt.Errorf("cannot send to %s by %s: %w", f.remote, f.net, err)
	}
	return nil
}
