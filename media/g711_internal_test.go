package media

import (
	"math"
	"testing"
)

// ITU-T G.711 tables 1 and 2: characters as sent, even bits inverted (A-law) or all (mu-law), and the decoder's output.
func TestG711Values(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		decode  func(byte) int16
		code    byte
		decoded int16
	}{
		{"mu-law, positive zero", uLawToLinear, 0xFF, 0},
		{"mu-law, negative zero", uLawToLinear, 0x7F, 0},
		{"mu-law, first step", uLawToLinear, 0xFE, 2 * 4},
		{"mu-law, end of segment 1", uLawToLinear, 0xF0, 30 * 4},
		{"mu-law, start of segment 2", uLawToLinear, 0xEF, 33 * 4},
		{"mu-law, positive maximum", uLawToLinear, 0x80, 8031 * 4},
		{"mu-law, negative maximum", uLawToLinear, 0x00, -8031 * 4},
		{"A-law, first positive step", aLawToLinear, 0xD5, 1 * 8},
		{"A-law, first negative step", aLawToLinear, 0x55, -1 * 8},
		{"A-law, end of segment 1", aLawToLinear, 0xDA, 31 * 8},
		{"A-law, positive maximum", aLawToLinear, 0xAA, 4032 * 8},
		{"A-law, negative maximum", aLawToLinear, 0x2A, -4032 * 8},
	} {
		if got := c.decode(c.code); got != c.decoded {
			t.Errorf("%s: %#x decodes to %d, want %d", c.name, c.code, got, c.decoded)
		}
	}
}

// Every sample decodes to within half of its interval, whose width doubles with each segment of the law, but for the bits
// that the law does not look at; every value survives.
func TestG711Intervals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		encode func(int16) byte
		decode func(byte) int16
		half   func(code byte) int // half an interval, in 16-bit units
		slack  int
		top    int // the largest magnitude that is not clipped
	}{
		{"mu-law", linearToULaw, uLawToLinear, func(b byte) int { return 4 << ((^b >> 4) & 7) }, 4, 8159 * 4},
		{"A-law", linearToALaw, aLawToLinear, func(b byte) int { return 8 << max((int(b^0x55)>>4&7)-1, 0) }, 8, 4096 * 8},
	} {
		for code := range 256 {
			v := c.decode(byte(code))
			if again := c.decode(c.encode(v)); again != v {
				t.Errorf("%s: %d becomes %d", c.name, v, again)
			}
		}
		for s := -c.top + 1; s < c.top; s++ {
			code := c.encode(int16(s))
			got := int(c.decode(code))
			if miss := max(got-s, s-got); miss > c.half(code)+c.slack {
				t.Fatalf("%s: %d becomes %d, more than %d off", c.name, s, got, c.half(code)+c.slack)
			}
		}
		if c.decode(c.encode(math.MinInt16)) >= 0 || c.decode(c.encode(math.MaxInt16)) <= 0 {
			t.Errorf("%s: the extremes change their sign", c.name)
		}
	}
}
