package media

import "math/bits"

// G.711 by its rules (ITU-T G.711 tables 1 and 2), not by a table of 64 K entries: clips are encoded once, when first played.

const (
	uLawBias = 33   // in units of 14-bit samples
	uLawClip = 8158 // the largest 14-bit magnitude that does not overflow the top segment
)

// linearToULaw encodes a 16-bit sample; mu-law keeps 14 bits of it.
func linearToULaw(s int16) byte {
	v, sign := int(s)>>2, byte(0xFF)
	if v < 0 {
		v, sign = -v, 0x7F
	}
	v = min(v, uLawClip) + uLawBias
	segment := bits.Len(uint(v)) - 6
	return sign ^ byte(segment<<4|(v>>(segment+1))&0x0F)
}

// uLawToLinear decodes to the middle of the quantizing interval, scaled to 16 bits.
func uLawToLinear(b byte) int16 {
	b = ^b
	segment := int(b>>4) & 7
	v := ((int(b&0x0F)<<1 + uLawBias) << segment) - uLawBias
	if b&0x80 != 0 {
		v = -v
	}
	return int16(v << 2)
}

// linearToALaw encodes a 16-bit sample; A-law keeps 13 bits of it and inverts the even bits.
func linearToALaw(s int16) byte {
	v, mask := int(s)>>3, byte(0xD5)
	if v < 0 {
		v, mask = ^v, 0x55 // one's complement, so that -1 falls into the first negative interval
	}
	segment := max(bits.Len(uint(v))-5, 0)
	shift := max(segment, 1)
	return mask ^ byte(segment<<4|(v>>shift)&0x0F)
}

// aLawToLinear decodes to the middle of the quantizing interval, scaled to 16 bits.
func aLawToLinear(b byte) int16 {
	b ^= 0x55
	segment := int(b>>4) & 7
	v := int(b&0x0F)<<1 + 1
	if segment > 0 {
		v = (v + 32) << (segment - 1)
	}
	if b&0x80 == 0 {
		v = -v
	}
	return int16(v << 3)
}

func encodeG711(pcm []int16, law func(int16) byte) []byte {
	out := make([]byte, len(pcm))
	for i, s := range pcm {
		out[i] = law(s)
	}
	return out
}

func decodeG711(dst []int16, b []byte, law func(byte) int16) []int16 {
	for _, v := range b {
		dst = append(dst, law(v))
	}
	return dst
}
