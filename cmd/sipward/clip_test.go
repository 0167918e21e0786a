package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sipward/media"
	"sipward/sip/siptest"
)

func wavFile(t *testing.T, rate int, pcm []int16) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.wav")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := media.WriteWAV(f, media.FromInt16(pcm, rate)); err != nil {
		t.Fatal(err)
	}
	return path
}

func scaled(pcm []int16, by float64) []int16 {
	out := make([]int16, len(pcm))
	for i, v := range pcm {
		out[i] = int16(max(-32768, min(32767, float64(v)*by)))
	}
	return out
}

func TestClipCheck(t *testing.T) {
	t.Parallel()
	tone := siptest.Sine(8000, 440, 16000) // -9.2 dBFS
	for name, tt := range map[string]struct {
		pcm  []int16
		want string
		none bool // no warning
	}{
		"good":           {scaled(tone, 0.4), "2.00 s, 8000 Hz, level -17.2 dBFS, peak -14.2 dBFS, 0 clipped", true},
		"too loud":       {scaled(tone, 1.5), "warn  too loud  — lower it by 10 dB", false},
		"too quiet":      {scaled(tone, 0.01), "warn  too quiet  — raise it by 29 dB", false},
		"clipped":        {scaled(tone, 3), "cut off at full scale", false},
		"late":           {append(make([]int16, 12000), scaled(tone, 0.4)...), "1.5 s of silence in front", false},
		"nothing at all": {make([]int16, 8000), "nothing is heard", false},
	} {
		var out output
		if err := execute(t.Context(), clipCommand(nil), &out, "check", wavFile(t, 8000, tt.pcm)); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), tt.want) || tt.none == strings.Contains(out.String(), "warn") {
			t.Errorf("%s: %s, want %q", name, out.String(), tt.want)
		}
	}
}

func TestClipCheckRefusesWhatIsNoWAV(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "text.wav")
	if err := os.WriteFile(path, []byte("this is no sound at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out output
	err := execute(t.Context(), clipCommand(nil), &out, "check", path)
	if err == nil || !strings.Contains(err.Error(), "not a WAV file") || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want the file and what is wrong with it", err)
	}
}

func TestClipConvert(t *testing.T) {
	t.Parallel()
	in := wavFile(t, 44100, scaled(siptest.Sine(44100, 1000, 44100), 0.4))
	to := filepath.Join(t.TempDir(), "out.wav")
	var out output
	if err := execute(t.Context(), clipCommand(nil), &out, "convert", in, to); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "1.00 s, 16000 Hz") {
		t.Errorf("output %s", out.String())
	}
	f, err := os.Open(to)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pcm, err := media.ReadWAV(f)
	if err != nil {
		t.Fatal(err)
	}
	if got := siptest.ToneShare(pcm.Int16(), 16000, 1000); pcm.Rate != 16000 || got < 0.95 {
		t.Errorf("rate %d, %.2f of the tone", pcm.Rate, got)
	}
}
