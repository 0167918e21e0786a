package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"sipward/internal/account"
	"sipward/internal/location"
)

// place is an account's location as it was read or written: the set, and what belongs to its record alone. It is never
// modified.
//
// keep is the time until which the record is promised to exist: never earlier than any Until it ever had. A version
// starts again at 1 once a record is gone, so what is cached may be written back only before keep.
type place struct {
	set   location.Set
	keep  time.Time
	sum   uint64                     // of the record's bytes; 0: absent
	extra map[string]json.RawMessage // fields of a newer version
	below map[string]json.RawMessage // the same of single bindings, by bindingKey: the whole binding as read
}

// reusable reports whether the version of a cached place still means the same record.
func (p *place) reusable(now time.Time) bool {
	return p != nil && (p.set.Version == 0 || now.Before(p.keep))
}

// bindingKey is what makes two bindings the same one: RFC 5626 section 6 (instance and reg-id), else the URI.
func bindingKey(b *location.Binding) string {
	if b.Instance != "" {
		return b.Instance + "\x00" + strconv.Itoa(b.RegID)
	}
	return b.URI
}

// locationCodec writes locations by hand: it is on the path of every REGISTER. The form is that of encoding/json.
type locationCodec struct {
	seed    maphash.Seed
	set     *fields
	binding *fields
}

// locationRecord is what decode reads; encode writes the same names.
type locationRecord struct {
	Schema   int                `json:"schema"`
	ID       account.ID         `json:"id"`
	Keep     time.Time          `json:"keep_until"`
	Bindings []location.Binding `json:"bindings"`
}

func newLocationCodec(seed maphash.Seed) locationCodec {
	set := fieldsOf(reflect.TypeFor[locationRecord]())
	return locationCodec{seed: seed, set: set, binding: fieldsOf(reflect.TypeFor[location.Binding]())}
}

// encode writes p in the form of locationRecord.
func (c *locationCodec) encode(p *place) []byte {
	b := make([]byte, 0, 128+512*len(p.set.Bindings))
	b = append(b, head...)
	b = append(b, `"id":`...)
	b = appendString(b, string(p.set.Account))
	b = append(b, `,"keep_until":`...)
	b = appendTime(b, p.keep)
	b = append(b, `,"bindings":[`...)
	for i := range p.set.Bindings {
		if i > 0 {
			b = append(b, ',')
		}
		b = c.appendBinding(b, p, &p.set.Bindings[i])
	}
	b = append(b, ']')
	for name, raw := range p.extra {
		if name != "schema" {
			b = append(append(appendString(append(b, ','), name), ':'), raw...)
		}
	}
	b = append(b, '}')
	if s, newer := p.extra["schema"]; newer {
		b = append(append([]byte(`{"schema":`), s...), b[len(head)-1:]...)
	}
	return b
}

func (c *locationCodec) appendBinding(b []byte, p *place, x *location.Binding) []byte {
	start := len(b)
	b = appendString(append(b, `{"contact":`...), x.Contact)
	b = appendString(append(b, `,"uri":`...), x.URI)
	if x.Instance != "" {
		b = appendString(append(b, `,"instance":`...), x.Instance)
	}
	if x.RegID != 0 {
		b = strconv.AppendInt(append(b, `,"reg_id":`...), int64(x.RegID), 10)
	}
	b = appendString(append(b, `,"call_id":`...), x.CallID)
	b = strconv.AppendUint(append(b, `,"cseq":`...), uint64(x.CSeq), 10)
	b = strconv.AppendFloat(append(b, `,"q":`...), float64(x.Q), 'f', -1, 32)
	b = appendTime(append(b, `,"expires":`...), x.Expires)
	if len(x.Path) > 0 {
		b = append(b, `,"path":[`...)
		for i, hop := range x.Path {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, hop)
		}
		b = append(b, ']')
	}
	b = append(b, `,"received":"`...)
	if x.Received.IsValid() {
		b = x.Received.AppendTo(b)
	}
	b = appendString(append(b, `","network":`...), x.Network)
	if x.Cipher != "" {
		b = appendString(append(b, `,"cipher":`...), x.Cipher)
	}
	if x.Agent != "" {
		b = appendString(append(b, `,"agent":`...), x.Agent)
	}
	b = appendString(append(b, `,"node":`...), x.Node)
	b = appendString(append(b, `,"flow":`...), x.Flow)
	b = append(appendTime(append(b, `,"since":`...), x.Since), '}')
	if prev, ok := p.below[bindingKey(x)]; ok {
		if kept, err := keepUnknown(prev, b[start:], c.binding); err == nil {
			b = append(b[:start], kept...)
		}
	}
	return b
}

// decode reads the record of an account's location; an absent one is an empty place.
func (c *locationCodec) decode(id account.ID, value []byte, version uint64) (*place, error) {
	p := &place{set: location.Set{Account: id, Version: version}}
	if version == 0 {
		return p, nil
	}
	r, ok := scanLocation(value)
	if !ok {
		r = locationRecord{}
		if err := json.Unmarshal(value, &r); err != nil {
			return nil, fmt.Errorf("%w (%v)", ErrMisfit, err)
		}
	}
	if r.ID != id || r.Schema < 1 {
		return nil, fmt.Errorf("%w (it names %q, schema %d)", ErrMisfit, r.ID, r.Schema)
	}
	p.set.Bindings, p.keep, p.sum = r.Bindings, r.Keep, c.sum(value)
	return p, c.unknown(p, r.Schema, value)
}

func (c *locationCodec) sum(value []byte) uint64 { return maphash.Bytes(c.seed, value) }

// unknown finds what a newer version wrote. Records of our own are recognised by their schema alone: whoever adds a
// field raises it.
func (c *locationCodec) unknown(p *place, number int, value []byte) error {
	if number <= schema {
		return nil
	}
	var r map[string]json.RawMessage
	if err := json.Unmarshal(value, &r); err != nil {
		return fmt.Errorf("%w (%v)", ErrMisfit, err)
	}
	var raws []json.RawMessage
	if err := json.Unmarshal(r["bindings"], &raws); err != nil || len(raws) != len(p.set.Bindings) {
		return fmt.Errorf("%w (its bindings)", ErrMisfit)
	}
	p.extra, p.below = map[string]json.RawMessage{"schema": r["schema"]}, map[string]json.RawMessage{}
	for name, raw := range r {
		if _, named := c.set.names[name]; !named {
			p.extra[name] = bytes.Clone(raw)
		}
	}
	for i := range raws {
		p.below[bindingKey(&p.set.Bindings[i])] = bytes.Clone(raws[i])
	}
	return nil
}

// appendTime writes t as encoding/json does, in UTC.
func appendTime(b []byte, t time.Time) []byte {
	return append(t.UTC().AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

// appendString writes s as a JSON string; what is not valid UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= 0x20 && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			b = appendEscape(b, c)
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			b = append(append(b, s[start:i]...), "\ufffd"...)
			start = i + size
		}
		i += size
	}
	return append(append(b, s[start:]...), '"')
}

func appendEscape(b []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	if c == '"' || c == '\\' {
		return append(b, '\\', c)
	}
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
