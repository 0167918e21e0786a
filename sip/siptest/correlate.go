package siptest

import (
	"math"
	"math/cmplx"
)

// The shape of a comparison, in samples at 8 kHz.
const (
	segment = 4000 // 500 ms
	slack   = 800  // 100 ms: how far a jitter buffer may slip within the clip
)

// Correlate tells how much of the clip is heard in a recording, both mono at 8 kHz: 1 is all of it, speech that is not
// the clip's stays below 0.4. The recording may begin earlier or later, and be quieter. It finds the delay, then
// compares the clip half a second at a time, each allowed to have slipped by 100 ms against the one before, and weighs
// the results by energy: a lost packet costs what it hid, not all that follows.
func Correlate(clip, heard []int16) float64 {
	a, b := centred(clip), centred(heard)
	if energy(a) == 0 || energy(b) == 0 {
		return 0
	}
	lag := delay(a, b)
	sum, weight := 0.0, 0.0
	for at := 0; at < len(a); at += segment {
		part := a[at:min(at+segment, len(a))]
		e := energy(part)
		if e < 1e-4*energy(a)*float64(len(part))/float64(len(a)) {
			continue // silence says nothing
		}
		best, slip := bestNear(part, b, at+lag)
		if best > 0.5 {
			lag += slip
		}
		sum, weight = sum+best*e, weight+e
	}
	return sum / weight
}

// bestNear is the highest correlation of part with b around a place, and how far from there.
func bestNear(part, b []float64, at int) (best float64, slip int) {
	from, to := max(0, at-slack), min(len(b), at+slack+len(part))
	if to-from < len(part) {
		return 0, 0
	}
	window := b[from:to]
	products := cross(part, window)
	e, there := energy(part), energy(window[:len(part)])
	for i := 0; ; i++ {
		if there > 0 {
			if r := products[i] / math.Sqrt(e*there); r > best {
				best, slip = r, from+i-at
			}
		}
		if i+len(part) == len(window) {
			return best, slip
		}
		there += window[i+len(part)]*window[i+len(part)] - window[i]*window[i]
	}
}

func centred(s []int16) []float64 {
	mean := 0.0
	for _, v := range s {
		mean += float64(v)
	}
	mean /= float64(max(len(s), 1))
	out := make([]float64, len(s))
	for i, v := range s {
		out[i] = float64(v) - mean
	}
	return out
}

func energy(s []float64) float64 {
	e := 0.0
	for _, v := range s {
		e += v * v
	}
	return e
}

// delay is where a begins in b, by the peak of their cross-correlation over all lags; negative if before it.
func delay(a, b []float64) int {
	products := cross(a, b)
	best := 0
	for i, v := range products {
		if v > products[best] {
			best = i
		}
	}
	if best >= len(b) {
		best -= len(products)
	}
	return best
}

// cross is the sum of products of a and b for every lag of a in b, negative ones at the end.
func cross(a, b []float64) []float64 {
	size := 1
	for size < len(a)+len(b) {
		size *= 2
	}
	fa, fb := spectrum(a, size), spectrum(b, size)
	for i := range fa {
		fa[i] = cmplx.Conj(fa[i]) * fb[i]
	}
	fft(fa, 1)
	out := make([]float64, size)
	for i, v := range fa {
		out[i] = real(v) / float64(size)
	}
	return out
}

func spectrum(s []float64, size int) []complex128 {
	f := make([]complex128, size)
	for i, v := range s {
		f[i] = complex(v, 0)
	}
	fft(f, -1)
	return f
}

// fft is the radix-2 transform in place, without scaling; its length is a power of two.
func fft(x []complex128, sign float64) {
	n := len(x)
	for i, j := 1, 0; i < n; i++ {
		bit := n >> 1
		for ; j&bit != 0; bit >>= 1 {
			j ^= bit
		}
		if j ^= bit; i < j {
			x[i], x[j] = x[j], x[i]
		}
	}
	for half := 1; half < n; half *= 2 {
		step := cmplx.Rect(1, sign*math.Pi/float64(half))
		for at := 0; at < n; at += 2 * half {
			w := complex(1, 0)
			for k := at; k < at+half; k++ {
				u, v := x[k], x[k+half]*w
				x[k], x[k+half] = u+v, u-v
				w *= step
			}
		}
	}
}
