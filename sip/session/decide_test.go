package session_test

import (
	"log/slog"
	"net/netip"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/call"
	"sipward/media"
	"sipward/media/relay"
	"sipward/sip/session"
	"sipward/sip/transport"
)

// node is another node, as far as a flow of its needs one.
type node struct{}

func (node) Node() string                         { return "far" }
func (node) Send(string, []byte) error            { return nil }
func (node) Alive() bool                          { return true }
func (node) Host(transport.Network) (string, int) { return "far", 5060 }

// TestDecide is the table of docs/media.md.
func TestDecide(t *testing.T) {
	t.Parallel()
	layer, err := transport.New(transport.Config{}, transport.Deps{TokenKey: make([]byte, 32), Node: "n", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	flow := func(local, remote string) *transport.Flow {
		return layer.Far(node{}, remote, transport.UDP, netip.MustParseAddrPort(local+":5060"), netip.MustParseAddrPort(remote+":5060"))
	}
	const us, alice, bob = "192.0.2.1", "198.51.100.1", "198.51.100.2"
	for _, c := range []struct {
		name             string
		pgsm, snom       session.Mode
		across           bool
		from, to, offers string // signalling addresses, and what the offer names; "": no offer
		want             bool
	}{
		{"always", "always", "never", false, alice, alice, alice, true},
		{"never", "never", "never", false, alice, bob, "10.0.0.1", false},
		{"the mode that relays more counts", "never", "auto", false, alice, bob, alice, true},
		{"one address, and the offer says so", "auto", "auto", false, alice, alice, alice, false},
		{"the offer names another address", "auto", "auto", false, alice, alice, "10.0.0.1", true},
		{"two addresses", "auto", "auto", false, alice, bob, alice, true},
		{"no offer yet, one address", "auto", "auto", false, alice, alice, "", false},
		{"no offer yet, two addresses", "auto", "auto", false, alice, bob, "", true},
		{"across nodes, not wanted", "auto", "auto", false, alice, alice, alice, false},
		{"across nodes, wanted", "auto", "auto", true, alice, alice, alice, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ports, err := media.NewPorts(netip.MustParseAddr("127.0.0.1"), 20000, 59999)
			if err != nil {
				t.Fatal(err)
			}
			defer ports.Close()
			r, err := relay.New(relay.Config{}, relay.Deps{Ports: ports, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			s := session.New(session.Config{Across: c.across, Mode: func(k account.Kind) session.Mode {
				if k == account.SNOM {
					return c.snom
				}
				return c.pgsm
			}}, session.Deps{Relay: r, Log: slog.New(slog.DiscardHandler)})
			invite := gosip.NewRequest(gosip.INVITE, gosip.Uri{User: "1", Host: "x"})
			in := session.Invite{Caller: account.PGSM, Callee: account.SNOM, From: flow(us, c.from), To: []*transport.Flow{flow(us, c.to)}, Message: invite}
			if c.offers != "" {
				invite.AppendHeader(gosip.NewHeader("Content-Type", "application/sdp"))
				in.Body = []byte("v=0\r\nc=IN IP4 " + c.offers + "\r\nm=audio 4000 RTP/AVP 0\r\n")
			}
			way, err := s.Open(in)
			if err != nil {
				t.Fatal(err)
			}
			if got := way != nil; got != c.want {
				t.Errorf("relayed: %v, want %v", got, c.want)
			}
			if way != nil {
				way.End(&call.Record{})
			}
			if ports.Leased() != 0 {
				t.Error("ports stay taken")
			}
		})
	}
	six := session.New(session.Config{}, session.Deps{})
	if way, err := six.Open(session.Invite{From: layer.Far(node{}, "a", transport.UDP, netip.MustParseAddrPort("[2001:db8::1]:5060"), netip.MustParseAddrPort("[2001:db8::2]:5060"))}); way != nil || err != nil {
		t.Errorf("a phone over IPv6: %v, %v", way, err)
	}
}
