package media

import "math"

const (
	// zeroCrossings on either side of the resampler's kernel. With a Kaiser window of beta 8 the stop band is about
	// 80 dB down, well below G.711's own noise of about 38 dB, and the transition band is a tenth of the pass band.
	zeroCrossings = 24
	kaiserBeta    = 8.0
	passBand      = 0.92 // of the lower Nyquist frequency: the filter is down before aliases begin
)

// resample converts mono PCM from one rate to another by a windowed-sinc low-pass, evaluated in phases: with
// to/from = up/down in lowest terms there are only up different sets of weights.
func resample(in []float32, from, to int) []float32 {
	if from == to || len(in) == 0 {
		return in
	}
	g := gcd(from, to)
	up, down := to/g, from/g
	phases := newPhases(up, from, to)
	out := make([]float32, (len(in)*up+down-1)/down)
	for i := range out {
		at := i * down
		out[i] = phases[at%up].at(in, at/up)
	}
	return out
}

// phase holds the weights of the input samples around one output sample that lies at a fraction between two of them.
type phase []float32

// newPhases computes the weights; narrowing widens the kernel, so that nothing above the new Nyquist frequency stays.
func newPhases(up, from, to int) []phase {
	cut := passBand * min(1, float64(to)/float64(from)) // of the input's Nyquist frequency
	half := int(math.Ceil(zeroCrossings / cut))
	all := make([]float32, up*2*half)
	phases := make([]phase, up)
	for p := range phases {
		w := all[p*2*half : (p+1)*2*half]
		fill(w, float64(p)/float64(up), half, cut)
		phases[p] = w
	}
	return phases
}

func fill(w []float32, frac float64, half int, cut float64) {
	sum := 0.0
	for i := range w {
		x := float64(i-half+1) - frac
		v := cut * sinc(cut*x) * kaiser(x/float64(half))
		w[i] = float32(v)
		sum += v
	}
	for i := range w { // exactly unity gain at 0 Hz in each phase: no ripple at the phase rate
		w[i] = float32(float64(w[i]) / sum)
	}
}

// at is the weighted sum around in[n]; outside there is silence.
func (w phase) at(in []float32, n int) float32 {
	first := n - len(w)/2 + 1
	lo, hi := max(0, -first), min(len(w), len(in)-first)
	var sum float32
	for i := lo; i < hi; i++ {
		sum += w[i] * in[first+i]
	}
	return sum
}

func sinc(x float64) float64 {
	if math.Abs(x) < 1e-9 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

func kaiser(x float64) float64 {
	if x <= -1 || x >= 1 {
		return 0
	}
	return bessel0(kaiserBeta*math.Sqrt(1-x*x)) / bessel0(kaiserBeta)
}

// bessel0 is the modified Bessel function of order 0 by its series, exact enough after 25 terms for x <= 10.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1; k <= 25; k++ {
		term *= (x / 2 / float64(k)) * (x / 2 / float64(k))
		sum += term
	}
	return sum
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
