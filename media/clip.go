package media

import (
	"io"
	"slices"
	"sync"
	"time"
)

// Clip is a prompt ready to be sent: its frames in every codec. It never changes and is shared by all streams. The frames
// are made once, at the first Play: a node has dozens of clips, and most are never heard.
type Clip struct {
	length  time.Duration
	count   int  // of frames
	endless bool // repeated until its player is stopped

	once   sync.Once
	rate   int
	source []int16        // until encoded
	frames [codecs][]byte // whole frames of frameBytes, one after the other; static after once
}

// LoadClip decodes and checks a WAV file. A bad one is refused with an error that says what is wrong and what is
// accepted (errors.Is ErrBadWAV).
func LoadClip(r io.ReadSeeker) (*Clip, error) {
	pcm, err := ReadWAV(r)
	if err != nil {
		return nil, err
	}
	return NewClip(pcm), nil
}

// NewClip makes a clip of PCM of any rate. It is sent as 20 ms frames; the last one is filled up with silence.
func NewClip(p PCM) *Clip {
	narrow := (len(p.Samples)*clockRate + p.Rate - 1) / p.Rate // samples at 8 kHz
	return &Clip{length: p.Duration(), count: (narrow + frameTicks - 1) / frameTicks, rate: p.Rate, source: p.Int16()}
}

// NewLoop makes a clip of PCM that is repeated until its player is stopped.
func NewLoop(p PCM) *Clip {
	c := NewClip(p)
	c.endless = true
	return c
}

// encode makes the frames, the first time: 10 to 30 ms of work for 5 s of audio.
func (c *Clip) encode() *[codecs][]byte {
	c.once.Do(func() {
		p := FromInt16(c.source, c.rate)
		narrow, wide := wholeFrames(p.At(8000)), wholeFrames(p.At(16000))
		for codec := range codecs {
			if codec.SampleRate() == 16000 {
				c.frames[codec] = c.encodeWith(codec, wide)
			} else {
				c.frames[codec] = c.encodeWith(codec, narrow)
			}
		}
		c.source = nil
	})
	return &c.frames
}

// encodeWith encodes a loop as its second round: G.722 predicts from what went before, and at the seam that is the loop's
// end. Frames of a fresh encoder make 60 ms of noise there.
func (c *Clip) encodeWith(codec Codec, pcm []int16) []byte {
	if !c.endless {
		return codec.encode(pcm)
	}
	rounds := codec.encode(slices.Repeat(pcm, 2))
	return rounds[len(rounds)/2:]
}

// wholeFrames fills the last frame up with silence.
func wholeFrames(p PCM) []int16 {
	s, perFrame := p.Int16(), p.Rate/50
	if over := len(s) % perFrame; over != 0 {
		s = append(s, make([]int16, perFrame-over)...)
	}
	return s
}

// Duration is the clip's length.
func (c *Clip) Duration() time.Duration { return c.length }

// Frames is the number of 20 ms packets the clip is sent as.
func (c *Clip) Frames() int { return c.count }
