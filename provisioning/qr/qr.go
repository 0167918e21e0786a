package qr

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	"rsc.io/qr"
)

const (
	quiet   = 4    // modules around the code (ISO/IEC 18004 section 9.1)
	maxText = 1000 // bytes: beyond it, phones do not read the code from a screen any more
)

// Code is a QR code.
type Code struct{ code *qr.Code }

// Encode makes the code that says text.
func Encode(text string) (Code, error) {
	if text == "" || len(text) > maxText {
		return Code{}, errors.New("a QR code says 1 to 1000 bytes")
	}
	c, err := qr.Encode(text, qr.M)
	return Code{c}, err
}

// SVG is the code as one SVG element that fills what holds it.
func (c Code) SVG() string {
	side := c.code.Size + 2*quiet
	var path strings.Builder
	for y := range c.code.Size {
		for x := 0; x < c.code.Size; x++ {
			run := 0
			for c.code.Black(x+run, y) {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run, run)
				x += run
			}
		}
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="QR" shape-rendering="crispEdges">`+
		`<path fill="#fff" d="M0 0h%dv%dh-%dz"/><path fill="#000" d="%s"/></svg>`, side, side, side, side, side, path.String())
}

// PNG is the code as a picture with scale pixels a module.
func (c Code) PNG(scale int) ([]byte, error) {
	if scale < 1 || scale > 32 {
		return nil, errors.New("a QR picture has 1 to 32 pixels a module")
	}
	side := (c.code.Size + 2*quiet) * scale
	img := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range side {
		for x := range side {
			if c.code.Black(x/scale-quiet, y/scale-quiet) {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	var b bytes.Buffer
	err := png.Encode(&b, img)
	return b.Bytes(), err
}
