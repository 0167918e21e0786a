package siptest

import (
	"os"
	"testing"

	"sipward/media"
)

// WAV reads a WAV file, mono at 8 kHz.
func WAV(t testing.TB, path string) []int16 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pcm, err := media.ReadWAV(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return pcm.At(8000).Int16()
}

// WriteWAV writes mono samples at 8 kHz and returns the path.
func WriteWAV(t testing.TB, path string, pcm []int16) string {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := media.WriteWAV(f, media.FromInt16(pcm, 8000)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
