package media

import (
	"bytes"
	"fmt"
)

// ownLine is our m= line: one codec and key in an answer, several in an offer.
type ownLine struct {
	proto   string
	formats []format
	crypto  []cryptoLine
	dir     Direction
	mux     bool
}

// format is a codec under a payload type.
type format struct {
	codec Codec
	pt    uint8
}

func (o *ownLine) codecs() []Codec {
	out := make([]Codec, len(o.formats))
	for i, f := range o.formats {
		out[i] = f.codec
	}
	return out
}

// own is our line under the terms.
func (t *terms) own() ownLine {
	o := ownLine{proto: t.proto, formats: []format{{t.codec, t.pt}}, dir: t.dir, mux: t.mux}
	if t.tx != nil {
		o.crypto = []cryptoLine{t.tx.line}
	}
	return o
}

// describeLocked writes our description. Its version rises with each change (RFC 3264 section 8), and only then.
func (s *Session) describeLocked(shape []mediaLine, index int, own ownLine) []byte {
	body := s.write(shape, index, own)
	if s.last != nil && !bytes.Equal(body, s.last) {
		s.version++
		body = s.write(shape, index, own)
	}
	s.last = body
	return bytes.Clone(body)
}

// write keeps every line of the other side's in its place; those we do not want have port 0 (RFC 3264 section 6).
func (s *Session) write(shape []mediaLine, index int, own ownLine) []byte {
	addr := s.local.Addr.Addr().Unmap()
	family := "IP4"
	if addr.Is6() {
		family = "IP6"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "v=0\r\no=- %d %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n", s.id, s.version, family, addr, family, addr)
	for i, m := range shape {
		if i == index {
			s.writeOwn(&b, own)
		} else {
			fmt.Fprintf(&b, "m=%s 0 %s %s\r\n", m.kind, m.proto, m.formats[0])
		}
	}
	return b.Bytes()
}

func (s *Session) writeOwn(b *bytes.Buffer, own ownLine) {
	fmt.Fprintf(b, "m=audio %d %s", s.local.Addr.Port(), own.proto)
	for _, f := range own.formats {
		fmt.Fprintf(b, " %d", f.pt)
	}
	b.WriteString("\r\n")
	for _, f := range own.formats {
		fmt.Fprintf(b, "a=rtpmap:%d %s/%d\r\n", f.pt, f.codec, clockRate)
	}
	for _, c := range own.crypto {
		fmt.Fprintf(b, "a=crypto:%s\r\n", c.attribute())
	}
	if own.mux {
		b.WriteString("a=rtcp-mux\r\n")
	}
	fmt.Fprintf(b, "a=ptime:%d\r\na=%s\r\n", frameTime.Milliseconds(), own.dir)
}
