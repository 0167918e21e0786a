package media_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sipward/media"
)

// A16: RTP sprayed at the announcement ports moves no stream: not a packet to the attacker.
func TestA16SprayMovesNoStream(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, p *media.Pacer, pool *media.Ports) {
		clip := media.NewClip(tone(440, time.Second))
		attackers := []*ear{newEar(t, "127.0.0.2"), newEar(t, "127.0.0.1")} // a stranger, and a neighbour who guesses
		var phones []*ear
		var leases []*media.Lease
		var playing sync.WaitGroup
		for range 50 {
			e, l := newEar(t, "127.0.0.1"), lease(t, pool)
			phones, leases = append(phones, e), append(leases, l)
			s := toEar(t, e, l, loopback)
			playing.Go(func() {
				if err := p.Play(t.Context(), clip, s, l); err != nil {
					t.Error(err)
				}
			})
		}
		for i := range 50 {
			for _, l := range leases {
				attackers[0].send(t, rtpPacket(0, uint16(i), 7), l.Addr())           // well-formed, from elsewhere
				attackers[1].send(t, rtpPacket(8, uint16(i), 7), l.Addr())           // another payload type
				attackers[1].send(t, rtpPacket(0, uint16(3*i), uint32(i)), l.Addr()) // no two in sequence
			}
			time.Sleep(20 * time.Millisecond)
		}
		playing.Wait()
		for i, e := range phones {
			if got := e.count(); got != clip.Frames() {
				t.Errorf("phone %d: %d packets, want %d", i, got, clip.Frames())
			}
		}
		for i, e := range attackers {
			got := e.count()
			t.Logf("packets to attacker %d: %d / limit 0", i+1, got)
			if got != 0 {
				t.Errorf("attacker %d: %d packets", i+1, got)
			}
		}
	})
}

// A16b: an announcement cannot be aimed at a third party by its address in the SDP.
func TestA16bThirdPartyHearsNothing(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, p *media.Pacer, pool *media.Ports) {
		victim, l := newEar(t, "127.0.0.3"), lease(t, pool)
		begin := time.Now()
		err := p.Play(t.Context(), media.NewClip(tone(440, time.Second)), toEar(t, victim, l, loopback), l)
		if !errors.Is(err, media.ErrNoPeer) || time.Since(begin) > 6*time.Second {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
		victim.send(t, rtpPacket(0, 1, 7), l.Addr()) // even if it answers
		if got := victim.count(); got != 0 {
			t.Errorf("%d packets", got)
		}
	})
}

// Behind NAT the SDP names an address nobody can reach: the stream begins where the phone's own packets come from, and
// stays there.
func TestSymmetricRTP(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, p *media.Pacer, pool *media.Ports) {
		private, public, neighbour, l := newEar(t, "127.0.0.3"), newEar(t, "127.0.0.1"), newEar(t, "127.0.0.1"), lease(t, pool)
		clip := media.NewClip(tone(440, time.Second))
		s := toEar(t, private, l, loopback)
		var playing sync.WaitGroup
		playing.Go(func() {
			if err := p.Play(t.Context(), clip, s, l); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(100 * time.Millisecond)
		public.send(t, rtpPacket(0, 100, 7), l.Addr())
		time.Sleep(100 * time.Millisecond)
		if got := public.count(); got != 0 {
			t.Errorf("%d packets after one of the phone's: it proves nothing yet", got)
		}
		public.send(t, rtpPacket(0, 101, 7), l.Addr())
		time.Sleep(300 * time.Millisecond)
		for i := range uint16(10) { // too late
			neighbour.send(t, rtpPacket(0, i, 9), l.Addr())
		}
		playing.Wait()
		if got := public.count(); got != clip.Frames() {
			t.Errorf("%d packets, want %d", got, clip.Frames())
		}
		if a, b := private.count(), neighbour.count(); a != 0 || b != 0 {
			t.Errorf("%d packets to the SDP's address, %d to the neighbour", a, b)
		}
	})
}

// The same with SRTP: one authentic packet is proof, ten thousand others are not.
func TestSymmetricSRTP(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, p *media.Pacer, pool *media.Ports) {
		serverPorts, phonePorts := lease(t, pool), lease(t, pool)
		private, forger := newEar(t, "127.0.0.3"), newEar(t, "127.0.0.1")
		phone, o, err := media.Offer(media.Local{Addr: private.addr, Secure: true, Must: true, Trusting: true}, loopback)
		if err != nil {
			t.Fatal(err)
		}
		server, answer, err := media.Negotiate(o, media.Local{Addr: serverPorts.Addr(), Secure: true}, loopback)
		if err != nil {
			t.Fatal(err)
		}
		if err := phone.Answered(answer); err != nil {
			t.Fatal(err)
		}
		clip := media.NewClip(tone(440, time.Second))
		var playing sync.WaitGroup
		playing.Go(func() {
			if err := p.Play(t.Context(), clip, server, serverPorts); err != nil {
				t.Error(err)
			}
		})
		for i := range uint16(100) {
			forger.send(t, rtpPacket(9, i, 7), serverPorts.Addr())
		}
		time.Sleep(time.Second)
		if got := forger.count(); got != 0 {
			t.Errorf("%d packets to the forger", got)
		}
		media.SendForTest(phonePorts, media.PacketForTest(phone), serverPorts.Addr())
		heard := 0
		for range 20 {
			time.Sleep(100 * time.Millisecond)
			heard += len(media.ReadForTest(phonePorts))
		}
		playing.Wait()
		if got := private.count(); got != 0 {
			t.Errorf("%d packets to the SDP's address", got)
		}
		if heard != clip.Frames() {
			t.Errorf("the phone got %d packets, want %d", heard, clip.Frames())
		}
	})
}

// lines counts log lines.
type lines struct {
	slog.Handler
	n atomic.Int64
}

func (l *lines) Handle(context.Context, slog.Record) error { l.n.Add(1); return nil }
func (l *lines) Enabled(context.Context, slog.Level) bool  { return true }

// B7: 10,000 bad packets a second at an announcement port: the announcement is complete and on time, one log line a
// second at most.
func TestB7FloodDisturbsNothing(t *testing.T) {
	t.Parallel()
	for _, suite := range []media.Suite{"", media.AES128SHA80} {
		synctest.Test(t, func(t *testing.T) {
			log := &lines{Handler: slog.DiscardHandler}
			p := media.NewPacer(0, slog.New(log), nil)
			ctx, cancel := context.WithCancel(context.Background())
			var running, playing sync.WaitGroup
			running.Go(func() { _ = p.Run(ctx) })
			defer running.Wait()
			defer cancel()

			pool := ports(t)
			phone, flooder, l := newEar(t, "127.0.0.1"), newEar(t, "127.0.0.1"), lease(t, pool)
			s, _, err := media.Negotiate([]byte(offerTo(phone.addr, suite)), media.Local{Addr: l.Addr(), Secure: true}, loopback)
			if err != nil {
				t.Fatal(err)
			}
			clip := media.NewClip(tone(440, 3*time.Second))
			playing.Go(func() {
				if err := p.Play(t.Context(), clip, s, l); err != nil {
					t.Error(err)
				}
			})
			random := rand.New(rand.NewPCG(1, 2))
			got, last := 0, time.Time{}
			for range 3200 {
				synctest.Wait()
				for b := phone.next(); b != nil; b = phone.next() {
					if !last.IsZero() && time.Since(last) != 20*time.Millisecond {
						t.Errorf("packet %d comes %s after the one before", got, time.Since(last))
					}
					got, last = got+1, time.Now()
				}
				for range 10 {
					flooder.send(t, badPacket(random), l.Addr())
				}
				time.Sleep(time.Millisecond)
			}
			playing.Wait()
			if got != clip.Frames() {
				t.Errorf("%q: %d packets, want %d", suite, got, clip.Frames())
			}
			t.Logf("packets missing of %d under 32,000 bad ones: %d / limit 0", clip.Frames(), clip.Frames()-got)
			if n := log.n.Load(); n < 1 || n > 4 {
				t.Errorf("%q: %d log lines in 3.2 s, want one a second", suite, n)
			}
			if n := flooder.count(); n != 0 {
				t.Errorf("%q: %d packets to the flooder", suite, n)
			}
		})
	}
}

// badPacket is noise, STUN, or RTP with a wrong tag.
func badPacket(r *rand.Rand) []byte {
	p := make([]byte, 1+r.IntN(200))
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	switch r.IntN(3) {
	case 0:
		copy(p, "\x00\x01\x00\x00\x21\x12\xa4\x42")
	case 1:
		p[0] = 0x80
	}
	return p
}

func TestReceiverRefusesReplays(t *testing.T) {
	t.Parallel()
	pool := ports(t)
	c := dial(t, pool, localFor(media.AES128SHA80))
	r, err := media.Record(c.phone, c.phonePorts)
	if err != nil {
		t.Fatal(err)
	}
	packet := media.PacketForTest(c.announcer)
	for range 3 {
		media.SendForTest(c.announcerPorts, packet, c.phonePorts.Addr())
	}
	forged := append([]byte(nil), packet...)
	forged[3]++ // the next number
	media.SendForTest(c.announcerPorts, forged, c.phonePorts.Addr())
	stranger := newEar(t, "127.0.0.2")
	stranger.send(t, packet, c.phonePorts.Addr())
	r.Stop()
	if got := r.Received(); got.Packets != 1 || got.Refused != 4 || got.Source != c.announcerPorts.Addr() {
		t.Errorf("%+v, want 1 packet and 4 refused", got)
	}
}
