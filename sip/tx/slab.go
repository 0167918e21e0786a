package tx

import "bytes"

// slab is where the next answers go. A node keeps hundreds of thousands, and the collector looks at each piece of memory:
// so many share one. They end in the order in which they came, and the piece with the last of them.
type slab struct {
	answers []answer
	bytes   []byte
}

const (
	slabAnswers = 32
	slabBytes   = 16 << 10
)

// take is a new answer with a copy of raw.
func (s *slab) take(raw []byte) *answer {
	if len(s.answers) == cap(s.answers) {
		s.answers = make([]answer, 0, slabAnswers)
	}
	s.answers = s.answers[:len(s.answers)+1]
	a := &s.answers[len(s.answers)-1]
	if len(raw) > slabBytes/8 {
		a.bytes = bytes.Clone(raw)
		return a
	}
	if cap(s.bytes)-len(s.bytes) < len(raw) {
		s.bytes = make([]byte, 0, slabBytes)
	}
	from := len(s.bytes)
	s.bytes = append(s.bytes, raw...)
	a.bytes = s.bytes[from:len(s.bytes):len(s.bytes)]
	return a
}
