package qr_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/png"
	"io"
	"strings"
	"testing"

	"sipward/provisioning/qr"
)

// The SVG and the PNG are the same picture: each module of the one is a pixel of the other.
func TestBothPicturesAreTheSame(t *testing.T) {
	t.Parallel()
	code, err := qr.Encode("https://sip.example/a/0123456789abcdefghijkl")
	if err != nil {
		t.Fatal(err)
	}
	b, err := code.PNG(1)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	svg := code.SVG()
	_, d, _ := strings.Cut(svg, `fill="#000" d="`)
	d, _, _ = strings.Cut(d, `"`)
	dark := map[[2]int]bool{}
	for _, part := range strings.Split(strings.Trim(d, "Mz"), "zM") {
		var x, y, w, back int
		if _, err := fmt.Sscanf(part, "%d %dh%dv1h-%d", &x, &y, &w, &back); err != nil || w != back {
			t.Fatalf("path %q: %v", part, err)
		}
		for i := range w {
			dark[[2]int{x + i, y}] = true
		}
	}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			r, _, _, _ := img.At(x, y).RGBA()
			if black := r == 0; black != dark[[2]int{x, y}] {
				t.Fatalf("module %d,%d: png %v, svg %v", x, y, black, !black)
			}
		}
	}
	for dec := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := dec.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	if _, err := qr.Encode(strings.Repeat("x", 1001)); err == nil {
		t.Error("1001 bytes were accepted")
	}
	if _, err := qr.Encode(""); err == nil {
		t.Error("nothing was accepted")
	}
	code, err := qr.Encode(strings.Repeat("x", 1000))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := code.PNG(0); err == nil {
		t.Error("a picture without pixels")
	}
}
