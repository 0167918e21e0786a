package media_test

import (
	"log/slog"
	"testing"
	"time"

	"sipward/media"
)

// Not one allocation per packet, whatever the suite.
func TestSendingAllocatesNothing(t *testing.T) {
	pool := ports(t)
	pacer := media.NewPacer(0, slog.New(slog.DiscardHandler), nil)
	clip := media.NewLoop(tone(440, time.Second))
	for _, suite := range append(media.Suites(), "") {
		c := dial(t, pool, localFor(suite))
		st := media.NewStreamForTest(pacer, clip, c.announcer, c.announcerPorts)
		if !st.Step() {
			t.Fatal("the stream ended")
		}
		media.SettleForTest(c.announcer)
		st.Step()
		// A report is due every 5 s and may allocate: few enough steps that none falls in.
		if n := testing.AllocsPerRun(40, func() { st.Step() }); n != 0 {
			t.Errorf("%q: %.1f allocations per packet", suite, n)
		}
	}
}

func localFor(suite media.Suite) media.Local {
	if suite == "" {
		return media.Local{}
	}
	return media.Local{Secure: true, Must: true, Suites: []media.Suite{suite}}
}

// BenchmarkPacket is one packet: header, encryption, system call.
func BenchmarkPacket(b *testing.B) {
	pool := ports(b)
	pacer := media.NewPacer(0, slog.New(slog.DiscardHandler), nil)
	clip := media.NewLoop(tone(440, time.Second))
	for _, suite := range append([]media.Suite{""}, media.Suites()...) {
		b.Run(string(suite), func(b *testing.B) {
			c := dial(b, pool, localFor(suite))
			st := media.NewStreamForTest(pacer, clip, c.announcer, c.announcerPorts)
			st.Step()
			media.SettleForTest(c.announcer)
			b.ReportAllocs()
			for b.Loop() {
				st.Step()
			}
		})
	}
}
