package media

import (
	"math"
	"time"
)

// PCM is mono audio, one float32 in [-1, 1] per sample.
type PCM struct {
	Rate    int // Hz
	Samples []float32
}

// Duration is how long the audio lasts.
func (p PCM) Duration() time.Duration {
	if p.Rate == 0 {
		return 0
	}
	return time.Duration(len(p.Samples)) * time.Second / time.Duration(p.Rate)
}

// At converts to another rate.
func (p PCM) At(rate int) PCM { return PCM{Rate: rate, Samples: resample(p.Samples, p.Rate, rate)} }

// Int16 quantizes. A filter may overshoot full scale: then the whole is turned down a little rather than clipped.
func (p PCM) Int16() []int16 {
	gain := float32(math.MaxInt16)
	if peak := p.peak(); peak > 1 {
		gain /= peak
	}
	out := make([]int16, len(p.Samples))
	for i, s := range p.Samples {
		out[i] = int16(math.RoundToEven(float64(s * gain)))
	}
	return out
}

func (p PCM) peak() float32 {
	var peak float32
	for _, s := range p.Samples {
		peak = max(peak, s, -s)
	}
	return peak
}

// FromInt16 makes PCM of 16-bit samples.
func FromInt16(samples []int16, rate int) PCM {
	out := make([]float32, len(samples))
	for i, s := range samples {
		out[i] = float32(s) / (math.MaxInt16 + 1)
	}
	return PCM{Rate: rate, Samples: out}
}
