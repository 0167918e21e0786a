package media

import (
	"time"
)

// FramesForTest is what a clip sends in a codec.
func FramesForTest(c *Clip, codec Codec) []byte { return c.frames[codec] }

// ParseCryptoForTest tells whether a crypto line is taken, and its MKI.
func ParseCryptoForTest(line string) (mki []byte, err error) {
	c, err := parseCrypto(line)
	return c.mki, err
}

// StreamForTest is a stream in a shard of its own, stepped by hand.
type StreamForTest struct {
	shard  *shard
	stream *stream
	round  int64
}

// NewStreamForTest begins a stream that no goroutine sends.
func NewStreamForTest(p *Pacer, c *Clip, s *Session, l *Lease) *StreamForTest {
	st := newStream(c, s, l)
	s.playing.Store(st)
	t := &StreamForTest{shard: newShard(p), stream: st}
	t.shard.epoch = time.Now()
	st.begin(0)
	return t
}

// Step sends the next packet; false at the end.
func (t *StreamForTest) Step() bool {
	more := t.stream.step(t.shard, t.round)
	t.round++
	return more
}

// SettleForTest takes src as proven, as if its packet had come.
func SettleForTest(s *Session) { s.prove(s.view.Load().dest) }
