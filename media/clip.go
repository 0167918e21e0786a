package media

import (
	"io"
	"time"
)

// Clip is a prompt ready to be sent: its frames in every codec. It never changes and is shared by all streams.
type Clip struct {
	length  time.Duration
	frames  [codecs][]byte // whole frames of frameBytes, one after the other
	endless bool
}

// LoadClip decodes and encodes a WAV file. A bad one is refused with an error that says what is wrong and what is
// accepted (errors.Is ErrBadWAV).
func LoadClip(r io.ReadSeeker) (*Clip, error) {
	pcm, err := ReadWAV(r)
	if err != nil {
		return nil, err
	}
	return NewClip(pcm), nil
}

// NewClip encodes PCM of any rate into every codec, as 20 ms frames; the last one is filled up with silence.
func NewClip(p PCM) *Clip {
	c := &Clip{length: p.Duration()}
	narrow, wide := wholeFrames(p.At(8000)), wholeFrames(p.At(16000))
	for codec := range codecs {
		if codec.SampleRate() == 16000 {
			c.frames[codec] = codec.encode(wide)
		} else {
			c.frames[codec] = codec.encode(narrow)
		}
	}
	return c
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
func (c *Clip) Frames() int { return len(c.frames[PCMU]) / frameBytes }

// Endless is the same clip, repeated until its player is stopped.
func (c *Clip) Endless() *Clip {
	e := *c
	e.endless = true
	return &e
}
