package media_test

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"sipward/media"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// lease takes a pair from a range of its own, so that tests run side by side.
func lease(t testing.TB, p *media.Ports) *media.Lease {
	t.Helper()
	l, err := p.Lease()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Release)
	return l
}

func ports(t testing.TB) *media.Ports {
	t.Helper()
	p, err := media.NewPorts(loopback, 20000, 29999)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// run starts a pacer that ends with the test.
func run(t testing.TB) *media.Pacer {
	t.Helper()
	p := media.NewPacer(0, slog.New(slog.DiscardHandler), nil)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = p.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return p
}

// call is an announcer and a phone that have agreed, each with its ports.
type call struct {
	announcer, phone           *media.Session
	announcerPorts, phonePorts *media.Lease
}

func dial(t testing.TB, p *media.Ports, phone media.Local) call {
	t.Helper()
	c := call{announcerPorts: lease(t, p), phonePorts: lease(t, p)}
	phone.Addr, phone.Trusting = c.phonePorts.Addr(), true
	var offer, answer []byte
	var err error
	if c.phone, offer, err = media.Offer(phone, loopback); err != nil {
		t.Fatal(err)
	}
	if c.announcer, answer, err = media.Negotiate(offer, media.Local{Addr: c.announcerPorts.Addr(), Secure: phone.Secure}, loopback); err != nil {
		t.Fatalf("%v\n%s", err, offer)
	}
	if err := c.phone.Answered(answer); err != nil {
		t.Fatalf("%v\n%s", err, answer)
	}
	return c
}

func tone(hz float64, d time.Duration) media.PCM {
	return media.PCM{Rate: 16000, Samples: sine(hz, 16000, d)}
}

func TestPlayIsHeard(t *testing.T) {
	t.Parallel()
	pacer, pool := run(t), ports(t)
	for _, codec := range media.Codecs() {
		for _, suite := range append(media.Suites(), "") {
			t.Run(codec.String()+" "+string(suite), func(t *testing.T) {
				t.Parallel()
				local := media.Local{Codecs: []media.Codec{codec}}
				if suite != "" {
					local.Secure, local.Must, local.Suites = true, true, []media.Suite{suite}
				}
				c := dial(t, pool, local)
				if got := c.announcer.Suite(); got != suite {
					t.Fatalf("suite %q, want %q", got, suite)
				}
				source := tone(440, 400*time.Millisecond)
				r, err := media.Record(c.phone, c.phonePorts)
				if err != nil {
					t.Fatal(err)
				}
				if err := pacer.Play(t.Context(), media.NewClip(source), c.announcer, c.announcerPorts); err != nil {
					t.Fatal(err)
				}
				heard := r.Stop()
				if got := media.Correlation(source, heard); got < 0.98 {
					t.Errorf("correlation %.3f, want >= 0.98; %+v", got, r.Received())
				}
				if got := r.Received(); got.Packets != 20 || got.Lost != 0 || got.Refused != 0 {
					t.Errorf("%+v, want 20 packets", got)
				}
			})
		}
	}
}

// A phone plays one clip after the other as one stream: nobody has to find a new source.
func TestPhonePlaysOn(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, p *media.Pacer, pool *media.Ports) {
		e, l := newEar(t, "127.0.0.1"), lease(t, pool)
		e.rtcp = true
		s, _, err := media.Negotiate([]byte(offerTo(e.addr, "")+"a=rtcp-mux\r\n"), media.Local{Addr: l.Addr(), Trusting: true}, loopback)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := p.Play(t.Context(), media.NewClip(tone(440, 100*time.Millisecond)), s, l); err != nil {
				t.Fatal(err)
			}
		}
		first := parseRTP(e.next())
		for i := range uint16(14) {
			h := parseRTP(e.next())
			if h.ssrc != first.ssrc || h.seq != first.seq+i+1 || h.ticks != first.ticks+160*uint32(i+1) {
				t.Errorf("packet %d: %+v, the first was %+v", i+1, h, first)
			}
		}
		if n := e.count(); n != 0 {
			t.Errorf("%d packets more", n)
		}
	})
}
