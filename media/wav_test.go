package media_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"sipward/media"
)

// wavSpec writes any WAV, right or wrong.
type wavSpec struct {
	tag, channels uint16
	rate          uint32
	bits          uint16
	data          []byte
	dataSize      uint32 // as claimed; 0: true
	before        []byte // chunks before the data
	extensible    bool
}

func (w wavSpec) file() []byte {
	u16, u32 := binary.LittleEndian.AppendUint16, binary.LittleEndian.AppendUint32
	f := u16(u16(nil, w.tag), w.channels)
	f = u32(u32(f, w.rate), w.rate*uint32(w.channels)*uint32(w.bits)/8)
	f = u16(u16(f, w.channels*w.bits/8), w.bits)
	if w.extensible {
		binary.LittleEndian.PutUint16(f, 0xFFFE)
		f = u32(u16(u16(f, 22), w.bits), 0)
		f = append(u16(f, w.tag), "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"...)
	}
	b := append([]byte("RIFF\xff\xff\xff\x7fWAVE"), w.before...)
	b = append(u32(append(b, "fmt "...), uint32(len(f))), f...)
	size := w.dataSize
	if size == 0 {
		size = uint32(len(w.data))
	}
	return append(u32(append(b, "data"...), size), w.data...)
}

// pcmBytes writes a tone in a sample format.
func pcmBytes(rate uint32, bits, channels uint16, d time.Duration) []byte {
	var b []byte
	for _, s := range sine(500, int(rate), d) {
		for range channels {
			v := int32(float64(s) * (math.MaxInt32 - 1024))
			switch bits {
			case 8:
				b = append(b, byte(v>>24)+128)
			case 16:
				b = binary.LittleEndian.AppendUint16(b, uint16(v>>16))
			default:
				b = append(b, byte(v>>8), byte(v>>16), byte(v>>24))
			}
		}
	}
	return b
}

func TestWAVFormats(t *testing.T) {
	t.Parallel()
	for _, rate := range []uint32{8000, 11025, 16000, 44100, 48000} {
		for _, bits := range []uint16{8, 16, 24} {
			for _, channels := range []uint16{1, 2} {
				w := wavSpec{tag: 1, channels: channels, rate: rate, bits: bits, data: pcmBytes(rate, bits, channels, 100*time.Millisecond)}
				w.extensible = bits == 24
				pcm, err := media.ReadWAV(bytes.NewReader(w.file()))
				if err != nil {
					t.Errorf("%d Hz, %d bit, %d channels: %v", rate, bits, channels, err)
					continue
				}
				want := media.PCM{Rate: int(rate), Samples: sine(500, int(rate), 100*time.Millisecond)}
				if len(pcm.Samples) != len(want.Samples) || pcm.Rate != want.Rate {
					t.Errorf("%d Hz, %d bit, %d channels: %d samples at %d Hz", rate, bits, channels, len(pcm.Samples), pcm.Rate)
				}
				if got := media.Correlation(want, pcm); got < 0.999 || math.Abs(level(pcm)-level(want)) > 0.2 {
					t.Errorf("%d Hz, %d bit, %d channels: correlation %.4f, level %.2f dB", rate, bits, channels, got, level(pcm))
				}
			}
		}
	}
}

func TestWAVRefusals(t *testing.T) {
	t.Parallel()
	good := wavSpec{tag: 1, channels: 1, rate: 8000, bits: 16, data: make([]byte, 320)}
	with := func(f func(*wavSpec)) []byte { w := good; f(&w); return w.file() }
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"empty file", "not a WAV file", nil},
		{"MP3", "not a WAV file", []byte("ID3\x03\x00\x00\x00\x00\x00\x00 and so on")},
		{"header only", "no data chunk", []byte("RIFF\x04\x00\x00\x00WAVE")},
		{"float", "format 3 is not PCM", with(func(w *wavSpec) { w.tag = 3; w.bits = 32 })},
		{"A-law WAV", "format 6 is not PCM", with(func(w *wavSpec) { w.tag = 6; w.bits = 8 })},
		{"no channels", "0 channels", with(func(w *wavSpec) { w.channels = 0 })},
		{"5.1", "6 channels", with(func(w *wavSpec) { w.channels = 6 })},
		{"6 kHz", "6000 Hz", with(func(w *wavSpec) { w.rate = 6000 })},
		{"96 kHz", "96000 Hz", with(func(w *wavSpec) { w.rate = 96000 })},
		{"rate 0", "0 Hz", with(func(w *wavSpec) { w.rate = 0 })},
		{"32 bit", "32 bits", with(func(w *wavSpec) { w.bits = 32 })},
		{"0 bit", "0 bits", with(func(w *wavSpec) { w.bits = 0 })},
		{"no samples", "empty", with(func(w *wavSpec) { w.data = nil })},
		{"61 s", "61 s", with(func(w *wavSpec) { w.data = make([]byte, 61*16000) })},
		{"17 MiB", "16 MiB", make([]byte, 17<<20)},
		{"truncated", "truncated", with(func(w *wavSpec) { w.dataSize = 1 << 20 })},
		{"LIST chunk of 2 GiB", "truncated", with(func(w *wavSpec) { w.before = []byte("LIST\xff\xff\xff\x7fINFO") })},
		{"data before fmt", "no fmt", []byte("RIFF\x04\x00\x00\x00WAVEdata\x04\x00\x00\x00abcdfmt \x10\x00\x00\x00")},
		{"short fmt", "too short", []byte("RIFF\x04\x00\x00\x00WAVEfmt \x02\x00\x00\x00\x01\x00")},
	} {
		_, err := media.ReadWAV(bytes.NewReader(c.file))
		if !errors.Is(err, media.ErrBadWAV) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "accepted:") {
			t.Errorf("%s: %v, want %q and what is accepted", c.name, err, c.want)
		}
	}
	if _, err := media.LoadClip(bytes.NewReader(with(func(w *wavSpec) { w.dataSize = 0xFFFFFFFF }))); err != nil {
		t.Errorf("a file from a pipe, size unknown: %v", err)
	}
	if _, err := media.LoadClip(bytes.NewReader(with(func(w *wavSpec) { w.before = []byte("LIST\x03\x00\x00\x00abc\x00") }))); err != nil {
		t.Errorf("an odd chunk before: %v", err)
	}
}

// A hostile file costs a few times its own size at most.
func TestWAVMemoryIsBounded(t *testing.T) {
	w := wavSpec{tag: 1, channels: 2, rate: 48000, bits: 24, data: make([]byte, 59*48000*6-4096)}
	file := w.file()[:16<<20]
	file = wavSpec{tag: 1, channels: 2, rate: 48000, bits: 24, data: file[:16<<20-100]}.file()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := media.ReadWAV(bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got, limit := (after.TotalAlloc-before.TotalAlloc)>>20, uint64(160); got > limit {
		t.Errorf("%d MiB allocated for 16 MiB, limit %d", got, limit)
	}
}

func FuzzWAV(f *testing.F) {
	f.Add(wavSpec{tag: 1, channels: 1, rate: 8000, bits: 16, data: make([]byte, 64)}.file())
	f.Add(wavSpec{tag: 1, channels: 2, rate: 48000, bits: 24, data: make([]byte, 60), extensible: true}.file())
	f.Add(wavSpec{tag: 1, channels: 1, rate: 11025, bits: 8, data: make([]byte, 33), dataSize: 0xFFFFFFFF, before: []byte("LIST\x03\x00\x00\x00abc\x00")}.file())
	f.Fuzz(func(t *testing.T, file []byte) {
		clip, err := media.LoadClip(bytes.NewReader(file))
		if err != nil {
			if !errors.Is(err, media.ErrBadWAV) {
				t.Errorf("refused without a reason: %v", err)
			}
			return
		}
		if clip.Frames() == 0 || clip.Duration() <= 0 || clip.Duration() > 61*time.Second {
			t.Errorf("%d frames, %s", clip.Frames(), clip.Duration())
		}
	})
}
