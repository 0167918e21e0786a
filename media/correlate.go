package media

import (
	"math"
	"math/bits"
	"math/cmplx"
)

// Correlation tells how well heard holds the whole of ref, from 0 (not at all) to 1 (exactly), whatever its loudness and
// wherever it begins: the proof that a clip was played as it is. Both are compared at 8 kHz.
func Correlation(ref, heard PCM) float64 {
	a, b := ref.At(8000).Samples, heard.At(8000).Samples
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	products := crossCorrelate(a, b)
	energy := make([]float64, len(b)+1) // of b up to each sample
	for i, v := range b {
		energy[i+1] = energy[i] + float64(v)*float64(v)
	}
	var own, best float64
	for _, v := range a {
		own += float64(v) * float64(v)
	}
	for shift := 1 - len(a); shift < len(b); shift++ {
		under := energy[min(len(b), shift+len(a))] - energy[max(0, shift)]
		if under > own*1e-9 {
			best = max(best, products[(shift+len(products))%len(products)]/math.Sqrt(own*under))
		}
	}
	return best
}

// crossCorrelate is the sum over i of a[i]*b[i+shift] for every shift, negative ones counted from the end.
func crossCorrelate(a, b []float32) []float64 {
	n := 1 << bits.Len(uint(len(a)+len(b)))
	x, y := make([]complex128, n), make([]complex128, n)
	for i, v := range a {
		x[i] = complex(float64(v), 0)
	}
	for i, v := range b {
		y[i] = complex(float64(v), 0)
	}
	fft(x)
	fft(y)
	for i := range x { // the transform of the correlation, conjugated to transform it back
		x[i] = cmplx.Conj(cmplx.Conj(x[i]) * y[i])
	}
	fft(x)
	out := make([]float64, n)
	for i, v := range x {
		out[i] = real(v) / float64(n)
	}
	return out
}

// fft transforms in place; the length is a power of two.
func fft(x []complex128) {
	for i, shift := 0, 64-bits.Len(uint(len(x)-1)); i < len(x) && len(x) > 1; i++ {
		if j := int(bits.Reverse64(uint64(i)) >> shift); i < j {
			x[i], x[j] = x[j], x[i]
		}
	}
	for size := 2; size <= len(x); size *= 2 {
		turn := cmplx.Rect(1, -2*math.Pi/float64(size))
		for start := 0; start < len(x); start += size {
			w := complex(1, 0)
			for i := start; i < start+size/2; i++ {
				u, v := x[i], x[i+size/2]*w
				x[i], x[i+size/2] = u+v, u-v
				w *= turn
			}
		}
	}
}
