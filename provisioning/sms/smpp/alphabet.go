package smpp

import (
	"encoding/binary"
	"unicode/utf16"
)

// The data codings we use (section 5.2.19).
const (
	codingDefault byte = 0 // GSM 03.38, an octet a character
	codingUCS2    byte = 8
)

// basic is the GSM 03.38 default alphabet by code; 0x1B is the way to the extension.
const basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"

const escape = 0x1b

// extension is what follows the escape.
var extension = map[rune]byte{'\f': 0x0a, '^': 0x14, '{': 0x28, '}': 0x29, '\\': 0x2f, '[': 0x3c, '~': 0x3d, ']': 0x3e, '|': 0x40, '€': 0x65}

// gsm encodes one character, or nil when it has no place in GSM 03.38.
func gsm(r rune) []byte {
	if r != escape {
		if code := code(r); code >= 0 {
			return []byte{byte(code)}
		}
	}
	if b, ok := extension[r]; ok {
		return []byte{escape, b}
	}
	return nil
}

// code is the place of a character in the alphabet, -1 when it has none.
func code(r rune) int {
	n := 0
	for _, b := range basic {
		if b == r {
			return n
		}
		n++
	}
	return -1
}

// unit is one character as it is sent; it is never split.
type unit []byte

// encode turns a text into characters of one alphabet.
func encode(s string) (coding byte, units []unit) {
	for _, r := range s {
		b := gsm(r)
		if b == nil {
			return codingUCS2, ucs2(s)
		}
		units = append(units, b)
	}
	return codingDefault, units
}

func ucs2(s string) (units []unit) {
	for _, r := range s {
		var u unit
		for _, w := range utf16.Encode([]rune{r}) {
			u = binary.BigEndian.AppendUint16(u, w)
		}
		units = append(units, u)
	}
	return units
}

// The octets of one SMS that stands alone, and of one that is part of several: 160 and 153 septets, 70 and 67 UTF-16 units.
const (
	wholeGSM, partGSM   = 160, 153
	wholeUCS2, partUCS2 = 140, 134
)

// maxParts is what one SMS may cost: a link and two sentences fit in two.
const maxParts = 6

// split cuts a text into the octets of its parts; parts that are beyond maxParts are more than we pay for: nil.
func split(s string) (coding byte, parts [][]byte) {
	coding, units := encode(s)
	whole, part := wholeGSM, partGSM
	if coding == codingUCS2 {
		whole, part = wholeUCS2, partUCS2
	}
	size := 0
	for _, u := range units {
		size += len(u)
	}
	if size <= whole {
		part = whole
	}
	cur := []byte{}
	for _, u := range units {
		if len(cur)+len(u) > part {
			parts = append(parts, cur)
			cur = nil
		}
		cur = append(cur, u...)
	}
	parts = append(parts, cur)
	if len(parts) > maxParts {
		return coding, nil
	}
	return coding, parts
}
