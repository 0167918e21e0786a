package snom

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
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
