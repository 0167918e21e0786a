package media_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sipward/media"
)

// toEar is an announcer's session with a phone whose SDP names the ear.
func toEar(t testing.TB, e *ear, l *media.Lease, from netip.Addr, lines ...string) *media.Session {
	t.Helper()
	o := fmt.Sprintf("v=0\r\nc=IN IP4 %s\r\nm=audio %d RTP/AVP 0\r\n", e.addr.Addr(), e.addr.Port())
	for _, line := range lines {
		o += line + "\r\n"
	}
	s, _, err := media.Negotiate([]byte(o), media.Local{Addr: l.Addr()}, from)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// bubble runs f with a pacer under synctest's clock.
func bubble(t *testing.T, f func(t *testing.T, p *media.Pacer, pool *media.Ports)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := media.NewPacer(0, slog.New(slog.DiscardHandler), nil)
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { _ = p.Run(ctx) })
		defer running.Wait()
		defer cancel()
		f(t, p, ports(t))
	})
}

// Every packet of every stream leaves exactly 20 ms after the one before: no drift, nothing lost, nothing twice.
func TestPacingIsExact(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, p *media.Pacer, pool *media.Ports) {
		const streams, length = 200, 5 * time.Second
		clip := media.NewClip(tone(440, length))
		var ears []*ear
		var playing sync.WaitGroup
		begin := func() { // one each millisecond, so that they do not begin together
			if len(ears) == streams {
				return
			}
			e, l := newEar(t, "127.0.0.1"), lease(t, pool)
			ears = append(ears, e)
			s := toEar(t, e, l, loopback)
			playing.Go(func() {
				if err := p.Play(t.Context(), clip, s, l); err != nil {
					t.Error(err)
				}
			})
		}
		type state struct {
			last header
			at   time.Time
			n    int
		}
		seen := make([]state, streams)
		busiest := 0
		for start := time.Now(); time.Since(start) < length+time.Second; time.Sleep(time.Millisecond) {
			begin()
			synctest.Wait()
			burst := 0
			for i, e := range ears {
				for b := e.next(); b != nil; b = e.next() {
					h, st := parseRTP(b), &seen[i]
					if st.n > 0 && (h.seq != st.last.seq+1 || h.ticks != st.last.ticks+160 || h.ssrc != st.last.ssrc || h.marker || time.Since(st.at) != 20*time.Millisecond) {
						t.Errorf("stream %d, packet %d: %+v after %+v, %s apart", i, st.n, h, st.last, time.Since(st.at))
					}
					if st.n == 0 && !h.marker {
						t.Errorf("stream %d: no marker bit on the first packet", i)
					}
					st.last, st.at, st.n = h, time.Now(), st.n+1
					burst++
				}
			}
			busiest = max(busiest, burst)
		}
		playing.Wait()
		for i, st := range seen {
			if st.n != clip.Frames() {
				t.Errorf("stream %d: %d packets, want %d", i, st.n, clip.Frames())
			}
		}
		if busiest > media.SlotFill {
			t.Errorf("%d of %d streams send in the same millisecond, want at most %d", busiest, streams, media.SlotFill)
		}
	})
}

func TestPlayEndsOneFrameAfterTheLastPacket(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, p *media.Pacer, pool *media.Ports) {
		e, l := newEar(t, "127.0.0.1"), lease(t, pool)
		begin := time.Now()
		if err := p.Play(t.Context(), media.NewClip(tone(440, time.Second)), toEar(t, e, l, loopback), l); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(begin); got < time.Second || got > 1020*time.Millisecond {
			t.Errorf("a clip of 1 s ends after %s", got)
		}
		if got := e.count(); got != 50 {
			t.Errorf("%d packets, want 50", got)
		}
	})
}

// CANCEL and BYE end ctx: not one packet more.
func TestPlayStopsWithContext(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, p *media.Pacer, pool *media.Ports) {
		e, l := newEar(t, "127.0.0.1"), lease(t, pool)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		begin := time.Now()
		err := p.Play(ctx, media.NewLoop(tone(440, time.Second)), toEar(t, e, l, loopback), l)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if got := time.Since(begin); got > 520*time.Millisecond {
			t.Errorf("ended after %s, want within a frame of 500 ms", got)
		}
		if got := e.count(); got > 26 {
			t.Errorf("%d packets in 500 ms", got)
		}
		time.Sleep(time.Second)
		if got := e.count(); got != 0 {
			t.Errorf("%d packets after the end", got)
		}
	})
}

func TestHoldPausesTheClip(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, p *media.Pacer, pool *media.Ports) {
		e, l := newEar(t, "127.0.0.1"), lease(t, pool)
		s := toEar(t, e, l, loopback)
		o := fmt.Sprintf("v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio %d RTP/AVP 0\r\n", e.addr.Port())
		var playing sync.WaitGroup
		playing.Go(func() {
			if err := p.Play(t.Context(), media.NewClip(tone(440, time.Second)), s, l); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(410 * time.Millisecond)
		var last header
		before := 0
		for b := e.next(); b != nil; b = e.next() {
			last = parseRTP(b)
			before++
		}
		if _, err := s.Renegotiate([]byte(o + "a=sendonly\r\n")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if got := e.count(); got != 0 {
			t.Errorf("%d packets on hold", got)
		}
		if _, err := s.Renegotiate([]byte(o)); err != nil {
			t.Fatal(err)
		}
		playing.Wait()
		h := parseRTP(e.next())
		if !h.marker || h.seq != last.seq+1 || h.ticks-last.ticks != 101*160 {
			t.Errorf("after 2 s of hold: %+v after %+v, want the marker, the next number, 101 frames later", h, last)
		}
		if after := 1 + e.count(); before+after != 50 {
			t.Errorf("%d + %d packets, want 50", before, after)
		}
	})
}

func TestHoldIsBounded(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, p *media.Pacer, pool *media.Ports) {
		e, l := newEar(t, "127.0.0.1"), lease(t, pool)
		begin := time.Now()
		err := p.Play(t.Context(), media.NewClip(tone(440, time.Second)), toEar(t, e, l, loopback, "a=inactive"), l)
		if !errors.Is(err, media.ErrOnHold) || time.Since(begin) > 61*time.Second {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
	})
}

// A re-INVITE moves the stream: the next packet goes to the new address, and the clip goes on.
func TestRenegotiationMovesTheStream(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, p *media.Pacer, pool *media.Ports) {
		first, second, l := newEar(t, "127.0.0.1"), newEar(t, "127.0.0.1"), lease(t, pool)
		s := toEar(t, first, l, loopback)
		var playing sync.WaitGroup
		playing.Go(func() { _ = p.Play(t.Context(), media.NewClip(tone(440, time.Second)), s, l) })
		time.Sleep(500 * time.Millisecond)
		o := fmt.Sprintf("v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio %d RTP/AVP 8\r\n", second.addr.Port())
		if _, err := s.Renegotiate([]byte(o)); err != nil {
			t.Fatal(err)
		}
		before := first.count()
		playing.Wait()
		if h := parseRTP(second.next()); h.pt != 8 {
			t.Errorf("payload type %d, want the new codec's", h.pt)
		}
		if after, late := 1+second.count(), first.count(); before+after != 50 || late != 0 {
			t.Errorf("%d packets to the first, %d to the second, %d to the first afterwards", before, after, late)
		}
	})
}

func TestPacerLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := media.NewPacer(1, slog.New(slog.DiscardHandler), nil)
		pool := ports(t)
		e, l, clip := newEar(t, "127.0.0.1"), lease(t, pool), media.NewClip(tone(440, time.Second))
		s := toEar(t, e, l, loopback)
		ctx, cancel := context.WithCancel(context.Background())
		var running, playing sync.WaitGroup
		playing.Go(func() { _ = p.Play(ctx, clip, s, l) })
		synctest.Wait()
		if err := p.Play(t.Context(), clip, toEar(t, e, l, loopback), l); !errors.Is(err, media.ErrBusy) {
			t.Errorf("one too many: %v", err)
		}
		cancel() // before the pacer runs at all
		playing.Wait()

		ctx, cancel = context.WithCancel(context.Background())
		running.Go(func() { _ = p.Run(ctx) })
		playing.Go(func() {
			if err := p.Play(t.Context(), clip, s, l); err != nil {
				t.Errorf("a stream that plays when the pacer is told to stop: %v", err)
			}
		})
		time.Sleep(100 * time.Millisecond)
		cancel()
		running.Wait() // for the stream
		playing.Wait()
		if err := p.Play(t.Context(), clip, s, l); !errors.Is(err, media.ErrStopped) {
			t.Errorf("after the end: %v", err)
		}
		if got := e.count(); got != 50 {
			t.Errorf("%d packets, want 50", got)
		}
	})
}

func TestSessionPlaysOneClipAtATime(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, p *media.Pacer, pool *media.Ports) {
		e, l, clip := newEar(t, "127.0.0.1"), lease(t, pool), media.NewClip(tone(440, 100*time.Millisecond))
		s := toEar(t, e, l, loopback)
		var playing sync.WaitGroup
		playing.Go(func() { _ = p.Play(t.Context(), clip, s, l) })
		synctest.Wait()
		if err := p.Play(t.Context(), clip, s, l); !errors.Is(err, media.ErrPlaying) {
			t.Errorf("the second at once: %v", err)
		}
		playing.Wait()
		if err := p.Play(t.Context(), clip, s, l); err != nil {
			t.Errorf("the second in turn: %v", err)
		}
	})
}
