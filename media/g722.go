package media

import "github.com/gotranspile/g722"

// encodeG722 encodes 16 kHz PCM at 64 kbit/s (ITU-T G.722 mode 1, the only one RTP uses: RFC 3551 section 4.5.2).
func encodeG722(pcm []int16) []byte {
	if len(pcm)%2 != 0 { // two samples make one byte
		pcm = append(pcm[:len(pcm):len(pcm)], 0)
	}
	return g722.Encode(pcm, g722.Rate64000, 0)
}

// Decoder turns the payloads of one stream into PCM. It is not safe for concurrent use.
type Decoder struct {
	codec Codec
	g722  *g722.Decoder // G.722 predicts from what it decoded before
}

// NewDecoder decodes a stream of c.
func NewDecoder(c Codec) *Decoder {
	d := &Decoder{codec: c}
	if c == G722 {
		d.g722 = g722.NewDecoder(g722.Rate64000, 0)
	}
	return d
}

// Decode appends the PCM of one payload, at the codec's SampleRate.
func (d *Decoder) Decode(dst []int16, payload []byte) []int16 {
	switch d.codec {
	case G722:
		n := len(dst)
		dst = append(dst, make([]int16, 2*len(payload))...)
		return dst[:n+d.g722.Decode(dst[n:], payload)]
	case PCMA:
		return decodeG711(dst, payload, aLawToLinear)
	default:
		return decodeG711(dst, payload, uLawToLinear)
	}
}
