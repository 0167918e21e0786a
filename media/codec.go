package media

import "time"

// Codec is an audio codec we can send and receive.
type Codec uint8

// The codecs, in the order in which we offer them: the better one first, then the European G.711.
const (
	G722 Codec = iota
	PCMA
	PCMU
	codecs // how many there are
)

const (
	frameTime  = 20 * time.Millisecond
	frameBytes = 160 // 20 ms of each of our codecs: 64 kbit/s all three

	// clockRate is the RTP clock of all three. G.722 samples at 16 kHz, yet its RTP clock runs at 8 kHz: an error of
	// RFC 1890 that RFC 3551 section 4.5.2 keeps.
	clockRate = 8000

	frameTicks = clockRate / 50
)

// Codecs lists all codecs, best first.
func Codecs() []Codec { return []Codec{G722, PCMA, PCMU} }

// String is the codec's encoding name in SDP (RFC 3551 section 6).
func (c Codec) String() string {
	switch c {
	case G722:
		return "G722"
	case PCMA:
		return "PCMA"
	case PCMU:
		return "PCMU"
	default:
		return "unknown"
	}
}

// SampleRate is the rate of the PCM that the codec encodes, in Hz.
func (c Codec) SampleRate() int {
	if c == G722 {
		return 16000
	}
	return 8000
}

// payloadType is the static RTP payload type (RFC 3551 section 6).
func (c Codec) payloadType() uint8 {
	switch c {
	case G722:
		return 9
	case PCMA:
		return 8
	default:
		return 0
	}
}

// encode encodes PCM at SampleRate. G.722 is stateful: a stream is encoded in one go.
func (c Codec) encode(pcm []int16) []byte {
	switch c {
	case G722:
		return encodeG722(pcm)
	case PCMA:
		return encodeG711(pcm, linearToALaw)
	default:
		return encodeG711(pcm, linearToULaw)
	}
}
