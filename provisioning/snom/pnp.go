package snom

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"sipward/internal/device"
)

// Group is where phones ask at start for somebody who provisions them.
const Group = "224.0.1.75:5060"

// maxPacket is far above a SUBSCRIBE.
const maxPacket = 4 << 10

// Responder answers phones that ask by multicast for the address of their configuration. It speaks just enough SIP for
// that: a 200 to the SUBSCRIBE, and one NOTIFY.
type Responder struct {
	service *Service
	conns   []net.PacketConn
	allowed []netip.Prefix
}

// Listen joins the group on every interface that has an address in the allowed networks.
func (s *Service) Listen(allowed []netip.Prefix) (*Responder, error) {
	group := netip.MustParseAddrPort(Group)
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("snom.pnp: %w", err)
	}
	r := &Responder{service: s, allowed: allowed}
	for _, i := range interfaces {
		if i.Flags&net.FlagMulticast == 0 || i.Flags&net.FlagUp == 0 || !within(i, allowed) {
			continue
		}
		conn, err := listenGroup(i, group)
		if err != nil {
			r.close()
			return nil, fmt.Errorf("snom.pnp_networks: %s on %s: %w (when sip.udp has the port on all addresses, name its addresses)", Group, i.Name, err)
		}
		r.conns = append(r.conns, conn)
	}
	if len(r.conns) == 0 {
		return nil, errors.New("snom.pnp_networks: no interface has an address in them: correct the list, or leave it empty")
	}
	return r, nil
}

// Respond answers on a connection that is open already.
func (s *Service) Respond(allowed []netip.Prefix, conns ...net.PacketConn) *Responder {
	return &Responder{service: s, conns: conns, allowed: allowed}
}

func within(i net.Interface, allowed []netip.Prefix) bool {
	addresses, err := i.Addrs()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(addresses, func(a net.Addr) bool {
		p, err := netip.ParsePrefix(a.String())
		return err == nil && slices.ContainsFunc(allowed, func(n netip.Prefix) bool { return n.Contains(p.Addr().Unmap()) })
	})
}

func (r *Responder) close() {
	for _, c := range r.conns {
		_ = c.Close()
	}
}

// Run answers until ctx ends.
func (r *Responder) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, r.close)()
	done := make(chan struct{}, len(r.conns))
	for _, c := range r.conns {
		go func() { r.serve(ctx, c); done <- struct{}{} }()
	}
	for range r.conns {
		<-done
	}
	return nil
}

func (r *Responder) serve(ctx context.Context, conn net.PacketConn) {
	packet := make([]byte, maxPacket)
	for {
		n, from, err := conn.ReadFrom(packet)
		if err != nil {
			if ctx.Err() == nil {
				r.service.Log.WarnContext(ctx, "snom: PnP ends", "err", err)
			}
			return
		}
		source, err := netip.ParseAddrPort(from.String())
		if err != nil {
			continue
		}
		for _, p := range r.answer(ctx, string(packet[:n]), netip.AddrPortFrom(source.Addr().Unmap(), source.Port())) {
			if _, err := conn.WriteTo([]byte(p.text), net.UDPAddrFromAddrPort(p.to)); err != nil && ctx.Err() == nil {
				r.service.Log.WarnContext(ctx, "snom: a PnP answer did not leave", "err", err)
			}
		}
	}
}

// outgoing is a packet to send.
type outgoing struct {
	to   netip.AddrPort
	text string
}

// answer is what a SUBSCRIBE gets: nothing, unless an allowed network asks for a phone that is entered.
func (r *Responder) answer(ctx context.Context, packet string, from netip.AddrPort) []outgoing {
	if !slices.ContainsFunc(r.allowed, func(n netip.Prefix) bool { return n.Contains(from.Addr()) }) {
		return nil
	}
	q, ok := parseSubscribe(packet)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	p, err := r.service.Phones.ByMAC(ctx, q.mac)
	if errors.Is(err, device.ErrNotFound) {
		w := device.Waiting{MAC: q.mac, Model: q.model, Firmware: q.version, Address: from.Addr().String(), Proof: "pnp", Last: r.service.Now().UTC()}
		err = r.service.Phones.See(ctx, w, maxWaiting)
	}
	if err != nil {
		r.service.Log.LogAttrs(ctx, slog.LevelWarn, "snom: a PnP question is not answered", slog.Any("err", err))
		return nil
	}
	if p.MAC == "" {
		return nil
	}
	where, err := r.service.pnpAddress(p)
	if err != nil {
		r.service.Log.LogAttrs(ctx, slog.LevelWarn, "snom: a PnP question is not answered", slog.Any("err", err))
		return nil
	}
	contact := netip.AddrPortFrom(from.Addr(), q.port) // never to a third party's address
	return []outgoing{{from, q.accept()}, {contact, q.notify(where, local(contact))}}
}

// local is our address towards a phone; nothing is sent to find it out.
func local(to netip.AddrPort) string {
	c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return Group
	}
	defer func() { _ = c.Close() }() // nothing was sent
	return c.LocalAddr().String()
}

// pnpAddress is the address a phone is told by multicast. With factory certificates it holds no secret; without them it
// must, and whoever is on the network and knows the MAC can ask for it: that is what opting in to PnP means.
func (s *Service) pnpAddress(p device.Phone) (string, error) {
	if s.Factory != nil {
		return s.address("", string(p.MAC)+".xml"), nil
	}
	token, _, err := s.open(p)
	return s.address(token, string(p.MAC)+".xml"), err
}

// subscribe is what we understand of the question.
type subscribe struct {
	mac            device.MAC
	model, version string
	port           uint16
	uri            string // of the Contact
	via            []string
	from, to, id   string
	cseq           string
	tag            string
}

var (
	reAsked   = regexp.MustCompile(`(?i)^SUBSCRIBE sip:MAC(?:%3a|:)([0-9a-f]{12})@[^ ]+ SIP/2\.0$`)
	reContact = regexp.MustCompile(`(?i)^[^<]*?<?(sips?:[^<>\s;?]+?(?::([0-9]{1,5}))?)(?:[;?>].*)?$`)
	reModel   = regexp.MustCompile(`(?i)\bmodel="([a-z0-9._-]{1,32})"`)
	reVersion = regexp.MustCompile(`(?i)\bversion="([0-9a-z._-]{1,32})"`)
)

// parseSubscribe reads a question (RFC 3261 section 7, as far as it is needed); ok is false for anything else.
func parseSubscribe(packet string) (q subscribe, ok bool) {
	head, _, _ := strings.Cut(packet, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	m := reAsked.FindStringSubmatch(lines[0])
	if m == nil || len(lines) > 64 || strings.ContainsRune(packet, 0) {
		return q, false
	}
	q.mac, _ = device.ParseMAC(m[1])
	q.port, q.tag = 5060, strings.ToLower(newToken()[:12])
	var event, contact string
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		if strings.ContainsAny(line, "\r\n") {
			return q, false // half a line end could make two headers of one in our answer
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "via", "v":
			q.via = append(q.via, value) // old phones send no branch; it goes back as it came
		case "from", "f":
			q.from = value
		case "to", "t":
			q.to = value
		case "call-id", "i":
			q.id = value
		case "cseq":
			q.cseq = value
		case "event", "o":
			event = value
		case "contact", "m":
			contact = value
		}
	}
	if c := reContact.FindStringSubmatch(contact); c != nil {
		q.uri = c[1]
		var port int
		if _, err := fmt.Sscanf(c[2], "%d", &port); err == nil && port > 0 && port < 1<<16 {
			q.port = uint16(port)
		}
	}
	if v := reModel.FindStringSubmatch(event); v != nil {
		q.model = v[1]
	}
	if v := reVersion.FindStringSubmatch(event); v != nil {
		q.version = v[1]
	}
	asked := strings.HasPrefix(strings.ToLower(event), "ua-profile")
	return q, asked && q.mac != "" && q.uri != "" && len(q.via) > 0 && q.from != "" && q.to != "" && q.id != "" && q.cseq != ""
}

// accept is the 200 to the question.
func (q subscribe) accept() string {
	var b strings.Builder
	b.WriteString("SIP/2.0 200 OK\r\n")
	for _, v := range q.via {
		fmt.Fprintf(&b, "Via: %s\r\n", v)
	}
	fmt.Fprintf(&b, "From: %s\r\nTo: %s;tag=%s\r\nCall-ID: %s\r\nCSeq: %s\r\nExpires: 0\r\nContent-Length: 0\r\n\r\n", q.from, q.to, q.tag, q.id, q.cseq)
	return b.String()
}

// notify carries the address; From and To are those of the question, swapped.
func (q subscribe) notify(where, local string) string {
	return fmt.Sprintf("NOTIFY %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s;rport\r\nMax-Forwards: 20\r\nFrom: %s;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\n"+
		"CSeq: 1 NOTIFY\r\nContact: <sip:%s>\r\nEvent: ua-profile\r\nSubscription-State: terminated;reason=timeout\r\n"+
		"Content-Type: application/url\r\nContent-Length: %d\r\n\r\n%s",
		q.uri, local, q.tag, q.to, q.tag, q.from, q.id, local, len(where), where)
}
