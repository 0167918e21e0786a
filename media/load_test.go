package media_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sipward/media"
)

// L7 in small: 100 announcements at once over SRTP, on real sockets and the real clock, all five suites and one more:
// every packet arrives and decrypts. How exactly they are spaced on a quiet machine is BenchmarkL7's to say.
func TestHundredSRTPAnnouncements(t *testing.T) {
	t.Parallel()
	pacer, pool := run(t), ports(t)
	clip := media.NewClip(tone(440, time.Second))
	var playing sync.WaitGroup
	var missing atomic.Int64
	suites := media.Suites()
	for i := range 100 {
		c := dial(t, pool, localFor(suites[i%len(suites)]))
		r, err := media.Record(c.phone, c.phonePorts)
		if err != nil {
			t.Fatal(err)
		}
		playing.Go(func() {
			defer r.Stop()
			if err := pacer.Play(t.Context(), clip, c.announcer, c.announcerPorts); err != nil {
				t.Error(err)
			}
			r.Stop()
			got := r.Received()
			missing.Add(int64(clip.Frames() - got.Packets))
			if got.Packets != clip.Frames() || got.Lost != 0 || got.Refused != 0 {
				t.Errorf("%s: %+v, want %d packets", c.phone, got, clip.Frames())
			}
		})
	}
	playing.Wait()
	t.Logf("packets missing of %d: %d / limit 0", 100*clip.Frames(), missing.Load())
}

// BenchmarkL7 is 100 parallel SRTP announcements of 8 s: p99 of the spacing's deviation at most 10 ms, nothing lost, at
// most one core.
func BenchmarkL7(b *testing.B) {
	for range b.N {
		standing(b, media.AES128SHA80, 100, 8*time.Second)
	}
}
