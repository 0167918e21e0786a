package media_test

import (
	"testing"
	"time"

	"sipward/media"
)

// chirp sweeps the band of a codec: a codec or filter that loses part of it cannot correlate with it.
func TestCodecsKeepTheSignal(t *testing.T) {
	t.Parallel()
	for _, c := range media.Codecs() {
		for _, rate := range []int{8000, 11025, 16000, 22050, 32000, 44100, 48000} {
			source := media.PCM{Rate: rate, Samples: chirp(200, 3200, rate, time.Second)}
			heard := decode(c, media.NewClip(source))
			if got := media.Correlation(source, heard); got < 0.99 {
				t.Errorf("%s from %d Hz: correlation %.4f, want >= 0.99", c, rate, got)
			}
			if got, want := heard.Duration(), source.Duration(); got != want {
				t.Errorf("%s from %d Hz: %s long, want %s", c, rate, got, want)
			}
			if got, want := level(heard), level(source); got < want-0.5 || got > want+0.5 {
				t.Errorf("%s from %d Hz: %.1f dB, the source has %.1f", c, rate, got, want)
			}
		}
	}
}

// G.722 keeps what G.711 cannot: 3.4 to 7 kHz.
func TestG722IsWideband(t *testing.T) {
	t.Parallel()
	source := media.PCM{Rate: 16000, Samples: sine(5000, 16000, 500*time.Millisecond)}
	clip := media.NewClip(source)
	if got, want := level(decode(media.G722, clip)), level(source); got < want-1 {
		t.Errorf("a tone of 5 kHz: %.1f dB of %.1f arrive", got, want)
	}
	narrow := decode(media.PCMA, clip)
	narrow.Samples = narrow.Samples[narrow.Rate/10 : len(narrow.Samples)-narrow.Rate/10] // but for its begin and end
	if got := level(narrow); got > level(source)-55 {
		t.Errorf("a tone of 5 kHz comes through 8 kHz sampling at %.1f dB: it is an alias", got)
	}
}

func TestLastFrameIsFilledUp(t *testing.T) {
	t.Parallel()
	clip := media.NewClip(tone(440, 30*time.Millisecond))
	if got := clip.Frames(); got != 2 {
		t.Errorf("30 ms make %d frames, want 2", got)
	}
	if got := clip.Duration(); got != 30*time.Millisecond {
		t.Errorf("duration %s", got)
	}
	for _, c := range media.Codecs() {
		tail := decode(c, clip)
		tail.Samples = tail.Samples[len(tail.Samples)-tail.Rate/200:]
		if got := level(tail); got > -50 {
			t.Errorf("%s: the end of the last frame has %.1f dB, want silence", c, got)
		}
	}
}

func TestFullScaleIsNotClipped(t *testing.T) {
	t.Parallel()
	square := media.PCM{Rate: 48000, Samples: sine(300, 48000, 200*time.Millisecond)}
	for i, v := range square.Samples {
		square.Samples[i] = 1
		if v < 0 {
			square.Samples[i] = -1
		}
	}
	for _, s := range square.At(8000).Int16() { // the filter rings: up to 9 % over full scale
		if s == -32768 {
			t.Fatal("clipped")
		}
	}
	if got := media.Correlation(square, decode(media.PCMU, media.NewClip(square))); got < 0.97 {
		t.Errorf("correlation %.3f", got)
	}
}
