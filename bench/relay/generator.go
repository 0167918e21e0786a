package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"
)

const (
	packetBytes = 172
	slots       = 20 // of 1 ms, in the 20 ms of a packet
)

// generator is all phones: two sockets, since the relay tells calls apart by its own ports, send for all callers and all
// callees by sendmmsg. Each packet carries when it was sent.
type generator struct {
	sides [2]*end
	calls int
	epoch time.Time
}

// end is one side of all calls.
type end struct {
	conn     *net.UDPConn
	packets  *ipv4.PacketConn
	messages [slots][]ipv4.Message
	sent     atomic.Int64
	received int64
	delays   []int64
}

func newGenerator(calls int) (*generator, error) {
	g := &generator{calls: calls, epoch: time.Now()}
	for i := range g.sides {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return nil, err
		}
		_ = conn.SetReadBuffer(8 << 20)
		g.sides[i] = &end{conn: conn, packets: ipv4.NewPacketConn(conn)}
	}
	return g, nil
}

func (g *generator) close() {
	for _, e := range g.sides {
		_ = e.conn.Close()
	}
}

// open sets up one call and prepares its packets.
func (g *generator) open(t target, call int) error {
	a, b := g.sides[0].conn.LocalAddr().String(), g.sides[1].conn.LocalAddr().String()
	toA, toB, err := t.open(call, a, b)
	if err != nil {
		return err
	}
	g.sides[0].add(call, toA)
	g.sides[1].add(call, toB)
	return nil
}

func (e *end) add(call, port int) {
	p := make([]byte, packetBytes)
	p[0] = 0x80
	binary.BigEndian.PutUint32(p[8:], uint32(call+1))
	slot := call % slots
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, uint16(port)))
	e.messages[slot] = append(e.messages[slot], ipv4.Message{Buffers: [][]byte{p}, Addr: to})
}

// run sends for a time, and hears what comes back.
func (g *generator) run(ctx context.Context, length time.Duration) {
	var hearing, sending sync.WaitGroup
	for _, e := range g.sides {
		hearing.Go(func() { e.hear(g.epoch) })
	}
	sending.Go(func() { g.send(ctx, length) })
	sending.Wait()
	time.AfterFunc(300*time.Millisecond, func() {
		for _, e := range g.sides {
			_ = e.conn.SetReadDeadline(time.Now())
		}
	})
	hearing.Wait()
	for _, e := range g.sides {
		_ = e.conn.SetReadDeadline(time.Time{})
	}
}

// send keeps an absolute schedule of one slot a millisecond.
func (g *generator) send(ctx context.Context, length time.Duration) {
	began := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for tick := 0; ctx.Err() == nil; tick++ {
		due := began.Add(time.Duration(tick) * time.Millisecond)
		if due.Sub(began) >= length {
			return
		}
		if wait := time.Until(due); wait > 0 {
			timer.Reset(wait)
			<-timer.C
		}
		for _, e := range g.sides {
			e.slot(tick%slots, time.Since(g.epoch))
		}
	}
}

func (e *end) slot(slot int, now time.Duration) {
	list := e.messages[slot]
	for _, m := range list {
		p := m.Buffers[0]
		binary.BigEndian.PutUint16(p[2:], binary.BigEndian.Uint16(p[2:])+1)
		binary.BigEndian.PutUint32(p[4:], binary.BigEndian.Uint32(p[4:])+160)
		binary.BigEndian.PutUint64(p[12:], uint64(now))
	}
	for len(list) > 0 {
		n, err := e.packets.WriteBatch(list, 0)
		if err != nil || n == 0 {
			return
		}
		e.sent.Add(int64(n))
		list = list[n:]
	}
}

// hear counts and times what comes until its deadline.
func (e *end) hear(epoch time.Time) {
	batch := make([]ipv4.Message, 256)
	for i := range batch {
		batch[i].Buffers = [][]byte{make([]byte, 2048)}
	}
	for {
		n, err := e.packets.ReadBatch(batch, 0)
		if err != nil {
			return
		}
		now := int64(time.Since(epoch))
		for _, m := range batch[:n] {
			e.received++
			if m.N >= 20 && e.received%8 == 0 {
				e.delays = append(e.delays, now-int64(binary.BigEndian.Uint64(m.Buffers[0][12:])))
			}
		}
	}
}

func (g *generator) reset() {
	for _, e := range g.sides {
		e.sent.Store(0)
		e.received, e.delays = 0, nil
	}
}

type result struct {
	sent, received int64
	p50, p99       time.Duration
}

func (g *generator) result() (r result) {
	var delays []int64
	for _, e := range g.sides {
		r.sent, r.received = r.sent+e.sent.Load(), r.received+e.received
		delays = append(delays, e.delays...)
	}
	if slices.Sort(delays); len(delays) > 0 {
		r.p50, r.p99 = time.Duration(delays[len(delays)/2]), time.Duration(delays[len(delays)*99/100])
	}
	return r
}

// cpu is the time a process has spent, user and system (proc(5), in ticks of 10 ms).
func cpu(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}
