package store

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sipward/internal/account"
	"sipward/internal/location"
)

// scanner reads a location's record in exactly the form that this version writes, several times as fast as
// encoding/json. Whatever differs (another order, another escape, a field of a newer version) makes it give up, and
// encoding/json decides. Strings without escapes are parts of one copy of the record.
type scanner struct {
	s  string // what is left
	ok bool
}

func scanLocation(value []byte) (r locationRecord, ok bool) {
	p := scanner{s: string(value), ok: utf8.Valid(value)}
	p.need(string(head))
	r.Schema = schema
	p.need(`"id":`)
	r.ID = account.ID(p.text())
	p.need(`,"keep_until":`)
	r.Keep = p.time()
	p.need(`,"bindings":[`)
	if !p.next(`]`) {
		r.Bindings = make([]location.Binding, 0, 1+strings.Count(p.s, `},{"contact":`))
		for more := true; more && p.ok; more = p.next(`,`) {
			r.Bindings = append(r.Bindings, location.Binding{})
			p.binding(&r.Bindings[len(r.Bindings)-1])
		}
		p.need(`]`)
	}
	p.need(`}`)
	return r, p.ok && p.s == ""
}

// binding reads the fields in the order of appendBinding.
func (p *scanner) binding(b *location.Binding) {
	p.need(`{"contact":`)
	b.Contact = p.text()
	p.need(`,"uri":`)
	b.URI = p.text()
	if p.next(`,"instance":`) {
		b.Instance = p.text()
	}
	if p.next(`,"reg_id":`) {
		b.RegID = int(p.uint(31))
	}
	p.need(`,"call_id":`)
	b.CallID = p.text()
	p.need(`,"cseq":`)
	b.CSeq = uint32(p.uint(32))
	p.need(`,"q":`)
	b.Q = p.q()
	p.need(`,"expires":`)
	b.Expires = p.time()
	p.path(b)
	p.need(`,"received":`)
	b.Received = p.addr()
	p.need(`,"network":`)
	b.Network = p.text()
	if p.next(`,"cipher":`) {
		b.Cipher = p.text()
	}
	if p.next(`,"agent":`) {
		b.Agent = p.text()
	}
	p.need(`,"node":`)
	b.Node = p.text()
	p.need(`,"flow":`)
	b.Flow = p.text()
	p.need(`,"since":`)
	b.Since = p.time()
	p.need(`}`)
}

func (p *scanner) path(b *location.Binding) {
	if !p.next(`,"path":[`) {
		return
	}
	for more := true; more && p.ok; more = p.next(`,`) {
		b.Path = append(b.Path, p.text())
	}
	p.need(`]`)
}

// next skips lit if it comes next.
func (p *scanner) next(lit string) bool {
	rest, found := strings.CutPrefix(p.s, lit)
	if found {
		p.s = rest
	}
	return found
}

func (p *scanner) need(lit string) {
	if !p.next(lit) {
		p.ok = false
	}
}

// text reads a string; of the escapes it knows those of a quoted parameter, \" and \\.
func (p *scanner) text() string {
	p.need(`"`)
	escaped := false
	for i := 0; i < len(p.s); i++ {
		switch c := p.s[i]; {
		case c == '"':
			t := p.s[:i]
			p.s = p.s[i+1:]
			if escaped {
				return unescape(t)
			}
			return t
		case c == '\\' && i+1 < len(p.s) && (p.s[i+1] == '"' || p.s[i+1] == '\\'):
			escaped = true
			i++
		case c == '\\' || c < 0x20:
			p.ok = false
			return ""
		}
	}
	p.ok = false
	return ""
}

// unescape drops the backslash before each escaped byte.
func unescape(t string) string {
	b := make([]byte, 0, len(t))
	for i := 0; i < len(t); i++ {
		if t[i] == '\\' {
			i++
		}
		b = append(b, t[i])
	}
	return string(b)
}

// number reads up to the next comma.
func (p *scanner) number() string {
	i := strings.IndexByte(p.s, ',')
	if i < 1 || i > 1 && p.s[0] == '0' && p.s[1] != '.' { // no leading zeros in JSON
		p.ok = false
		return ""
	}
	n := p.s[:i]
	p.s = p.s[i:]
	return n
}

func (p *scanner) uint(bits int) uint64 {
	n, err := strconv.ParseUint(p.number(), 10, bits)
	p.ok = p.ok && err == nil
	return n
}

// q reads 0 to 1 with digits only: what else strconv understands is no JSON.
func (p *scanner) q() float32 {
	n := p.number()
	f, err := strconv.ParseFloat(n, 32)
	p.ok = p.ok && err == nil && strings.Trim(n, "0123456789.") == "" && n[0] != '.' && n[len(n)-1] != '.'
	return float32(f)
}

// time reads as time.Time.UnmarshalJSON does, which is stricter than time.Parse: only what appendTime writes.
func (p *scanner) time() time.Time {
	s := p.text()
	if len(s) < len("2006-01-02T15:04:05Z") || s[len(s)-1] != 'Z' || s[10] != 'T' || strings.IndexByte(s, ',') >= 0 {
		p.ok = false
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	p.ok = p.ok && err == nil
	return t
}

func (p *scanner) addr() netip.AddrPort {
	s := p.text()
	if s == "" {
		return netip.AddrPort{}
	}
	a, err := netip.ParseAddrPort(s)
	p.ok = p.ok && err == nil
	return a
}
