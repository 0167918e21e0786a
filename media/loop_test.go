package media_test

import (
	"slices"
	"testing"
	"time"

	"sipward/media"
)

// A loop sounds the same at its seams as elsewhere, in every codec.
func TestLoopHasNoSeam(t *testing.T) {
	t.Parallel()
	const rounds = 4
	round := tone(440, 200*time.Millisecond)
	for _, codec := range media.Codecs() {
		t.Run(codec.String(), func(t *testing.T) {
			t.Parallel()
			frames := slices.Repeat(media.FramesForTest(media.NewLoop(round), codec), rounds)
			heard := media.FromInt16(media.NewDecoder(codec).Decode(nil, frames), codec.SampleRate())
			heard.Samples = heard.Samples[len(heard.Samples)/rounds:] // a decoder has to find its level first
			if got := media.Correlation(tone(440, heard.Duration()), heard); got < 0.99 {
				t.Errorf("correlation %.3f with a tone without a break, want 0.99", got)
			}
		})
	}
}
