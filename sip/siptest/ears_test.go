package siptest_test

import (
	"math/rand/v2"
	"testing"

	"sipward/media"
	"sipward/sip/siptest"
)

// speech is a clip that ships, mono at 8 kHz.
func speech(t *testing.T, path string) []int16 {
	t.Helper()
	f, err := media.Shipped().Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pcm, err := media.ReadWAV(f)
	if err != nil {
		t.Fatal(err)
	}
	return pcm.At(8000).Int16()
}

func TestCorrelateFindsTheClip(t *testing.T) {
	t.Parallel()
	clip := speech(t, "en/account-disabled.wav")
	quiet := make([]int16, len(clip))
	for i, v := range clip {
		quiet[i] = v/4 + int16(rand.IntN(60)-30)
	}
	slipped := append(append(make([]int16, 5000), clip[:len(clip)/2]...), append(make([]int16, 160), clip[len(clip)/2:]...)...)
	for name, heard := range map[string][]int16{
		"itself":        clip,
		"late":          append(make([]int16, 12345), clip...),
		"late and soft": append(make([]int16, 777), quiet...),
		"slipped":       slipped, // a jitter buffer put a frame of silence in the middle
	} {
		if got := siptest.Correlate(clip, heard); got < 0.9 {
			t.Errorf("%s: correlation %.3f, want at least 0.9", name, got)
		}
	}
}

func TestCorrelateTellsOthersApart(t *testing.T) {
	t.Parallel()
	clip := speech(t, "en/account-disabled.wav")
	for name, heard := range map[string][]int16{
		"silence":         make([]int16, 20000),
		"a tone":          siptest.Sine(8000, 440, 40000),
		"another text":    speech(t, "en/number-unknown.wav"),
		"another voice":   speech(t, "fr/account-disabled.wav"),
		"its first third": append(append([]int16(nil), clip[:len(clip)/3]...), make([]int16, len(clip))...),
	} {
		if got := siptest.Correlate(clip, heard); got > 0.5 {
			t.Errorf("%s: correlation %.3f, want at most 0.5", name, got)
		}
	}
}

func TestToneShare(t *testing.T) {
	t.Parallel()
	tone := append(make([]int16, 4000), siptest.Sine(8000, 700, 16000)...)
	if got := siptest.ToneShare(tone, 8000, 700); got < 0.95 {
		t.Errorf("share of the tone itself %.3f, want nearly 1", got)
	}
	for _, hz := range []float64{650, 1100} {
		if got := siptest.ToneShare(tone, 8000, hz); got > 0.1 {
			t.Errorf("share of %.0f Hz %.3f, want nearly 0", hz, got)
		}
	}
	if got := siptest.ToneShare(make([]int16, 8000), 8000, 700); got != 0 {
		t.Errorf("share of silence %.3f, want 0", got)
	}
}
