package media_test

import (
	"math"
	"time"

	"sipward/media"
)

// sine of half full scale.
func sine(hz float64, rate int, d time.Duration) []float32 { return chirp(hz, hz, rate, d) }

// chirp runs from one frequency to another at half full scale.
func chirp(from, to float64, rate int, d time.Duration) []float32 {
	out := make([]float32, int(d.Seconds()*float64(rate)))
	phase := 0.0
	for i := range out {
		out[i] = float32(0.5 * math.Sin(phase))
		phase += 2 * math.Pi * (from + (to-from)*float64(i)/float64(len(out))) / float64(rate)
	}
	return out
}

// decode gives back what a clip's frames sound like.
func decode(c media.Codec, clip *media.Clip) media.PCM {
	return media.FromInt16(media.NewDecoder(c).Decode(nil, media.FramesForTest(clip, c)), c.SampleRate())
}

// level is the RMS in dB of full scale.
func level(p media.PCM) float64 {
	sum := 0.0
	for _, s := range p.Samples {
		sum += float64(s) * float64(s)
	}
	return 10 * math.Log10(sum/float64(len(p.Samples))+1e-12)
}

func peak(p media.PCM) float64 {
	top := 0.0
	for _, s := range p.Samples {
		top = max(top, math.Abs(float64(s)))
	}
	return 20 * math.Log10(top+1e-9)
}
