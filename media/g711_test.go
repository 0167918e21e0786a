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

// Every sample is encoded to the nearest value there is, but for the bits that the law does not look at.
func TestG711EncodesToNearest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		encode func(int16) byte
		decode func(byte) int16
		slack  int
	}{{"mu-law", linearToULaw, uLawToLinear, 2 * 4}, {"A-law", linearToALaw, aLawToLinear, 2 * 8}} {
		var values [256]int
		for i := range values {
			values[i] = int(c.decode(byte(i)))
			if again := int(c.decode(c.encode(int16(values[i])))); again != values[i] {
				t.Errorf("%s: %d becomes %d", c.name, values[i], again)
			}
		}
		for s := math.MinInt16; s <= math.MaxInt16; s += 3 {
			nearest := math.MaxInt
			for _, v := range values {
				nearest = min(nearest, max(v-s, s-v))
			}
			got := values[c.encode(int16(s))]
			if miss := max(got-s, s-got); miss > nearest+c.slack {
				t.Fatalf("%s: %d becomes %d, %d off; the nearest value is %d off", c.name, s, got, miss, nearest)
			}
		}
	}
}
