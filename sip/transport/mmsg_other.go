//go:build !linux

package transport

import (
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
)

// batch reads or writes packets; how many at a time is up to the system.
type batch struct {
	conn     *ipv4.PacketConn // its batches work on sockets of both families
	messages []ipv4.Message
}

// peerName is a socket address.
type peerName struct{ addr net.UDPAddr }

func nameOf(to netip.AddrPort, _ bool) peerName { return peerName{*net.UDPAddrFromAddrPort(to)} }

func newReader(c *net.UDPConn, size, space, control int) (*batch, error) {
	b, err := newWriter(c, size)
	for i := range b.messages {
		b.messages[i].Buffers[0] = make([]byte, space)
		b.messages[i].OOB = make([]byte, control)
	}
	return b, err
}

func newWriter(c *net.UDPConn, size int) (*batch, error) {
	b := &batch{conn: ipv4.NewPacketConn(c), messages: make([]ipv4.Message, size)}
	for i := range b.messages {
		b.messages[i].Buffers = make([][]byte, 1)
	}
	return b, nil
}

func (b *batch) read() (int, error) { return b.conn.ReadBatch(b.messages, 0) }

func (b *batch) packet(i int) (p []byte, from netip.AddrPort, oob []byte) {
	m := &b.messages[i]
	if a, ok := m.Addr.(*net.UDPAddr); ok {
		from = a.AddrPort()
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	}
	return m.Buffers[0][:m.N], from, m.OOB[:m.NN]
}

func (b *batch) set(i int, to *peerName, oob, p []byte) {
	m := &b.messages[i]
	m.Addr, m.OOB, m.Buffers[0] = &to.addr, oob, p
}

func (b *batch) write(from, to int) (int, error) { return b.conn.WriteBatch(b.messages[from:to], 0) }

func (b *batch) release(n int) {
	for i := range n {
		b.messages[i].Addr, b.messages[i].OOB, b.messages[i].Buffers[0] = nil, nil, nil
	}
}
