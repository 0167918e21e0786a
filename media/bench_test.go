package media_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"sipward/media"
)

// offerTo is a phone's offer at an address: PCMU, with the suite's key if there is one.
func offerTo(at netip.AddrPort, suite media.Suite) string {
	profile, crypto := "RTP/AVP", ""
	if suite != "" {
		profile, crypto = "RTP/SAVP", "a=crypto:1 "+string(suite)+" inline:"+testKey(suite)+"\r\n"
	}
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d %[3]s 0\r\n%[4]s", at.Addr(), at.Port(), profile, crypto)
}

func cpuTime() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkStreams measures N standing announcements for some seconds (MEDIA_BENCH_SECONDS, 4): the CPU time of one
// stream for one second, with all the kernel does for it, and how exactly its packets are spaced. The receiver is
// another process. Run it with -benchtime=1x.
func BenchmarkStreams(b *testing.B) {
	seconds, _ := strconv.ParseFloat(os.Getenv("MEDIA_BENCH_SECONDS"), 64)
	if seconds == 0 {
		seconds = 4
	}
	for _, suite := range []media.Suite{"", media.AES128SHA80, media.AES128GCM} {
		for _, n := range []int{100, 1000, 2000} {
			b.Run(fmt.Sprintf("%s/%d", suite, n), func(b *testing.B) {
				for range b.N {
					standing(b, suite, n, time.Duration(seconds*float64(time.Second)))
				}
			})
		}
	}
}

func standing(b *testing.B, suite media.Suite, n int, d time.Duration) {
	s, pool := startSink(b), ports(b)
	pacer := run(b)
	clip := media.NewLoop(tone(440, time.Second))
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range n {
		l := lease(b, pool)
		session, _, err := media.Negotiate([]byte(offerTo(s.peers[i%len(s.peers)], suite)), media.Local{Addr: l.Addr(), Secure: true}, loopback)
		if err != nil {
			b.Fatal(err)
		}
		wg.Go(func() { _ = pacer.Play(ctx, clip, session, l) })
	}
	<-time.After(500 * time.Millisecond)
	cpu, begin := cpuTime(), time.Now()
	<-time.After(d)
	used, wall := cpuTime()-cpu, time.Since(begin)
	cancel()
	wg.Wait()
	r := s.stop()
	b.ReportMetric(float64(used.Microseconds())/float64(n)/wall.Seconds(), "cpu-us/stream-s")
	b.ReportMetric(float64(used.Nanoseconds())/float64(n)/wall.Seconds()/50, "cpu-ns/packet")
	b.ReportMetric(ms(r.P50), "dev-p50-ms")
	b.ReportMetric(ms(r.P99), "dev-p99-ms")
	b.ReportMetric(ms(r.P999), "dev-p999-ms")
	b.ReportMetric(ms(r.Max), "dev-max-ms")
	b.ReportMetric(float64(r.Lost), "lost")
	b.ReportMetric(float64(r.Packets)/(float64(n)*50*(wall+500*time.Millisecond).Seconds())*100, "delivered-%")
	b.ReportMetric(0, "ns/op")
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
