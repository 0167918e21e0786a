package media_test

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"sipward/media"
)

var languages = []string{"en", "it", "fr", "es", "de"}

// The shipped clips, by measurement: all there, loud enough, not clipped, no dead air, decodable from every codec.
func TestShippedClips(t *testing.T) {
	t.Parallel()
	total := 0
	for _, lang := range languages {
		for i, prompt := range media.Prompts() {
			name := lang + "/" + string(prompt) + ".wav"
			file, err := fs.ReadFile(media.Shipped(), name)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			total += len(file)
			pcm, err := media.ReadWAV(bytes.NewReader(file))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if d := pcm.Duration(); d < 2*time.Second || d > 6*time.Second {
				t.Errorf("%s: %s long, want 2 to 6 s", name, d)
			}
			if rms := level(pcm); rms < -20 || rms > -16 {
				t.Errorf("%s: %.1f dBFS RMS, want about -18", name, rms)
			}
			if top := peak(pcm); top > -3 {
				t.Errorf("%s: peak %.1f dBFS, want at most -3", name, top)
			}
			if lead := leadingSilence(pcm); lead > 200*time.Millisecond {
				t.Errorf("%s: %s of silence before the first word", name, lead)
			}
			c := media.Codecs()[i%len(media.Codecs())]
			if got := media.Correlation(pcm, decode(c, media.NewClip(pcm))); got < 0.98 {
				t.Errorf("%s in %s: correlation %.3f, want >= 0.98", name, c, got)
			}
		}
	}
	if total > 6<<20 {
		t.Errorf("%d bytes of clips, want at most 6 MiB", total)
	}
}

func leadingSilence(p media.PCM) time.Duration {
	block := p.Rate / 100
	for at := 0; at+block <= len(p.Samples); at += block {
		if level(media.PCM{Rate: p.Rate, Samples: p.Samples[at : at+block]}) > -40 {
			return time.Duration(at) * time.Second / time.Duration(p.Rate)
		}
	}
	return p.Duration()
}

func wavFile(t *testing.T, p media.PCM) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := media.WriteWAV(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestLibrary(t *testing.T) {
	t.Parallel()
	shipped := fstest.MapFS{
		"en/account-disabled.wav": {Data: wavFile(t, tone(400, 100*time.Millisecond))},
		"de/account-disabled.wav": {Data: wavFile(t, tone(400, 200*time.Millisecond))},
		"en/README":               {Data: []byte("not a clip")},
	}
	uploaded := fstest.MapFS{"de/account-disabled.wav": {Data: wavFile(t, tone(400, 300*time.Millisecond))}}
	l, err := media.NewLibrary(shipped, uploaded)
	if err != nil {
		t.Fatal(err)
	}
	length := func(p media.Prompt, lang string) time.Duration {
		c := l.Clip(p, lang)
		if c == nil {
			return 0
		}
		return c.Duration()
	}
	test := func(lang string, want time.Duration) {
		t.Helper()
		if got := length(media.AccountDisabled, lang); got != want {
			t.Errorf("%q: clip of %s, want %s", lang, got, want)
		}
	}
	test("en", 100*time.Millisecond)
	test("de", 300*time.Millisecond)
	test("de-CH", 300*time.Millisecond)
	test("fr", 100*time.Millisecond)
	test("", 100*time.Millisecond)
	if l.Clip(media.NumberUnknown, "en") != nil {
		t.Error("a clip that nobody has")
	}
	l.Set(media.AccountDisabled, "fr", media.NewClip(tone(400, 400*time.Millisecond)))
	test("fr", 400*time.Millisecond)
	l.Set(media.AccountDisabled, "fr", nil)
	test("fr", 100*time.Millisecond)
}

func TestLibraryNamesTheFault(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"en/acount-disabled.wav":  "unknown prompt",
		"en/account-disabled.wav": "en/account-disabled.wav: unusable WAV file: not a WAV file",
	} {
		_, err := media.NewLibrary(fstest.MapFS{file: {Data: []byte("hello")}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
}

func BenchmarkLibrary(b *testing.B) {
	for b.Loop() {
		if _, err := media.NewLibrary(media.Shipped()); err != nil {
			b.Fatal(err)
		}
	}
}
