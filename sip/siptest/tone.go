package siptest

import (
	"math"
	"slices"
)

// ToneShare tells how much of the sound is a sine of that frequency: 1 is all of it, speech and noise stay below 0.2. It is
// the median over tenths of a second (Goertzel's algorithm), silence left out, so that clicks at either end do not count.
// 0 when there is no sound.
func ToneShare(pcm []int16, rate int, hz float64) float64 {
	size := rate / 10
	var shares []float64
	for at := 0; at+size <= len(pcm); at += size {
		if s, ok := goertzel(pcm[at:at+size], hz/float64(rate)); ok {
			shares = append(shares, s)
		}
	}
	if len(shares) == 0 {
		return 0
	}
	slices.Sort(shares)
	return shares[len(shares)/2]
}

// goertzel is the share of one frequency, in cycles per sample, of a block's energy; not ok for silence (under -60 dBFS).
func goertzel(block []int16, cycles float64) (share float64, ok bool) {
	k := 2 * math.Cos(2*math.Pi*cycles)
	var s1, s2, total float64
	for _, v := range block {
		x := float64(v)
		s1, s2 = x+k*s1-s2, s1
		total += x * x
	}
	n := float64(len(block))
	if math.Sqrt(total/n) < 33 {
		return 0, false
	}
	return min(1, 2*(s1*s1+s2*s2-k*s1*s2)/(n*total)), true
}

// Sine makes a tone at half of full scale.
func Sine(rate int, hz float64, samples int) []int16 {
	out := make([]int16, samples)
	for i := range out {
		out[i] = int16(16000 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return out
}
