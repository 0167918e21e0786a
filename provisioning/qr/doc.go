// Package qr draws QR codes (ISO/IEC 18004) as SVG and PNG. The matrix comes from rsc.io/qr; the pictures are ours, so
// that they need no script, no style and no foreign file: an SVG is one path, a PNG has two colours.
//
// Both keep the quiet zone of four modules that the standard asks for, dark on white whatever the page's colours are:
// readers of older phones do not know inverted codes. Limits: 1,000 bytes of text, level M.
package qr
