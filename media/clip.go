package media

import (
	"io"
	"sync"
	"time"
)

// Clip is a prompt ready to be sent: its frames in every codec. It never changes and is shared by all streams.
type Clip struct {
	*encoded
	endless bool
}

// encoded is what a clip and its endless sister share. The frames are made once, at the first Play: a node has dozens of
// clips, and most are never heard.
type encoded struct {
	length time.Duration
	count  int // of frames

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
	return &Clip{encoded: &encoded{
		length: p.Duration(), count: (narrow + frameTicks - 1) / frameTicks, rate: p.Rate, source: p.Int16(),
	}}
}

// encode makes the frames, the first time: 10 to 30 ms of work for 5 s of audio.
func (e *encoded) encode() *[codecs][]byte {
	e.once.Do(func() {
		p := FromInt16(e.source, e.rate)
		narrow, wide := wholeFrames(p.At(8000)), wholeFrames(p.At(16000))
		for codec := range codecs {
			if codec.SampleRate() == 16000 {
				e.frames[codec] = codec.encode(wide)
			} else {
				e.frames[codec] = codec.encode(narrow)
			}
		}
		e.source = nil
	})
	return &e.frames
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

// Endless is the same clip, repeated until its player is stopped.
func (c *Clip) Endless() *Clip { return &Clip{encoded: c.encoded, endless: true} }
