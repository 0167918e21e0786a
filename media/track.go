package media

import (
	"bytes"
	"slices"
	"time"

	"github.com/pion/rtp"
)

// track puts the packets of one stream in order and decodes them.
type track struct {
	parts   []pcmPart
	decoder *Decoder
	codec   Codec
	ssrc    uint32
	started bool
	next    uint16 // sequence number that is due
	clock   uint32 // RTP timestamp that is due
	early   []frame
	lost    int
	scratch []int16
}

// pcmPart is a stretch of one rate.
type pcmPart struct {
	rate    int
	samples []int16
}

// frame is a packet that waits for an earlier one.
type frame struct {
	seq     uint16
	clock   uint32
	payload []byte
}

func (t *track) add(c Codec, h *rtp.Header, payload []byte) {
	if !t.started || h.SSRC != t.ssrc || c != t.codec {
		t.restart(c, h)
	}
	if int16(h.SequenceNumber-t.next) < 0 {
		return // too late, or twice
	}
	at, twice := slices.BinarySearchFunc(t.early, h.SequenceNumber, func(f frame, seq uint16) int { return int(int16(f.seq - seq)) })
	if twice {
		return
	}
	t.early = slices.Insert(t.early, at, frame{h.SequenceNumber, h.Timestamp, bytes.Clone(payload)})
	for len(t.early) > 0 && (t.early[0].seq == t.next || len(t.early) > reorderDepth) {
		t.play(t.early[0])
		t.early = t.early[1:]
	}
}

// restart follows a new source or codec; what was still waiting is heard first.
func (t *track) restart(c Codec, h *rtp.Header) {
	t.flush()
	t.codec, t.ssrc, t.decoder, t.started = c, h.SSRC, NewDecoder(c), true
	t.next, t.clock = h.SequenceNumber, h.Timestamp
	if n := len(t.parts); n == 0 || t.parts[n-1].rate != c.SampleRate() {
		t.parts = append(t.parts, pcmPart{rate: c.SampleRate()})
	}
}

func (t *track) flush() {
	for _, f := range t.early {
		t.play(f)
	}
	t.early = nil
}

func (t *track) play(f frame) {
	t.lost += int(f.seq - t.next)
	part := &t.parts[len(t.parts)-1]
	scale := part.rate / clockRate
	if gap := int(int32(f.clock - t.clock)); gap > 0 && gap < int(maxGap.Seconds())*clockRate {
		part.samples = append(part.samples, make([]int16, gap*scale)...)
	}
	t.scratch = t.decoder.Decode(t.scratch[:0], f.payload)
	if len(part.samples) < int(maxRecording/time.Second)*part.rate {
		part.samples = append(part.samples, t.scratch...)
	}
	t.next, t.clock = f.seq+1, f.clock+uint32(len(t.scratch)/scale)
}

// pcm joins the parts at the highest rate among them, with what still waits for an earlier packet.
func (t *track) pcm() PCM {
	t.flush()
	var out PCM
	for _, p := range t.parts {
		out.Rate = max(out.Rate, p.rate)
	}
	for _, p := range t.parts {
		out.Samples = append(out.Samples, FromInt16(p.samples, p.rate).At(out.Rate).Samples...)
	}
	return out
}
