package session

import (
	"bytes"
	"net/netip"
	"slices"

	"sipward/internal/account"
	"sipward/media"
	"sipward/sip/transport"
)

// Mode says when media is relayed.
type Mode string

// The modes of media.relay.
const (
	Auto   Mode = "auto"
	Always Mode = "always"
	Never  Mode = "never"
)

// wanted reports whether a call's media is to be relayed.
func (s *Sessions) wanted(in Invite) bool {
	if !s.possible(in) {
		return false
	}
	switch s.mode(in.Caller, in.Callee) {
	case Always:
		return true
	case Never:
		return false
	}
	return s.crosses(in) || behindNAT(in) || apart(in)
}

// webRTC reports an offer of a browser: it takes no media without ICE (RFC 8827 section 6.5, RFC 8829 section 5.2.1), so the
// candidates of both stay, whatever the mode, and the relay is one more.
func webRTC(sdp []byte) bool {
	return bytes.Contains(sdp, []byte(" UDP/TLS/RTP/SAVPF ")) && bytes.Contains(sdp, []byte("\na=ice-ufrag:"))
}

// possible reports whether every phone of the call can be told an address of the relay, whose ports are IPv4.
func (s *Sessions) possible(in Invite) bool {
	return s.config.Address.Is4() || !slices.ContainsFunc(append([]*transport.Flow{in.From}, in.To...), func(f *transport.Flow) bool {
		return f.Local().Addr().Is6()
	})
}

// mode is the one of both account types that relays more.
func (s *Sessions) mode(caller, callee account.Kind) Mode {
	modes := []Mode{s.config.Mode(caller), s.config.Mode(callee)}
	for _, m := range []Mode{Always, Auto} {
		if slices.Contains(modes, m) {
			return m
		}
	}
	return Never
}

// crosses reports whether the call goes to a phone of another node, and the operator wants that to be relayed.
func (s *Sessions) crosses(in Invite) bool {
	return s.config.Across && slices.ContainsFunc(in.To, func(f *transport.Flow) bool { return f.Peer() != "" })
}

// behindNAT reports whether the offer names another address than the caller's signalling comes from.
func behindNAT(in Invite) bool {
	if namesOnly(offer(in), in.From.Remote().Addr()) {
		return false
	}
	lines, err := media.Inspect(offer(in))
	return err == nil && slices.ContainsFunc(lines, func(l media.Line) bool {
		return l.RTP && l.Active && l.Remote.IsValid() && l.Remote.Addr() != in.From.Remote().Addr()
	})
}

// namesOnly reports whether each c= line names host in the plain form: so it is for nearly every phone that is not behind
// a NAT, and the description need not be read.
func namesOnly(sdp []byte, host netip.Addr) bool {
	var room [len("IN IP4 255.255.255.255\r")]byte
	want := append(host.AppendTo(append(room[:0], "IN IP4 "...)), '\r')
	for rest := sdp; ; {
		i := bytes.Index(rest, []byte("\nc="))
		if i < 0 {
			return true
		}
		rest = rest[i+len("\nc="):]
		if line, _, _ := bytes.Cut(rest, []byte("\n")); !bytes.Equal(line, want) {
			return false
		}
	}
}

// apart reports whether some phone that may ring stands behind another address than the caller.
func apart(in Invite) bool {
	return slices.ContainsFunc(in.To, func(f *transport.Flow) bool { return f.Remote().Addr() != in.From.Remote().Addr() })
}
