package media_test

import (
	"math"
	"time"
)

// sine of half full scale.
func sine(hz float64, rate int, d time.Duration) []float32 {
	out := make([]float32, int(d.Seconds()*float64(rate)))
	for i := range out {
		out[i] = float32(0.5 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return out
}
