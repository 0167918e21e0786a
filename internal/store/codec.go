package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// schema is the number every record of this version carries. A record of a newer version is read as far as it is
// understood, keeps its number, and keeps the fields this version does not know.
const schema = 1

// ErrMisfit is an alarm: a record that is damaged or does not belong under its key. It is never served.
var ErrMisfit = errors.New("a stored record does not fit its key; it is not served: restore it from a backup")

// head starts every record this version writes.
var head = []byte(`{"schema":` + strconv.Itoa(schema) + `,`)

// codec turns one type into a JSON record and back.
type codec[T any] struct {
	id    func(*T) string
	known *fields
	write func(b []byte, v *T) []byte // appends the JSON object without its first brace, where encoding/json is too slow; nil: it is not; nil result: this value is beyond it
}

func newCodec[T any](id func(*T) string) codec[T] {
	return codec[T]{id: id, known: fieldsOf(reflect.TypeFor[T]())}
}

// encode writes v; what prev, the record it replaces (nil: none), knows beyond this version is kept.
func (c codec[T]) encode(v *T, prev []byte) ([]byte, error) {
	if c.write != nil && prev == nil {
		room := make([]byte, 0, 512)
		if b := c.write(append(room, head...), v); b != nil {
			return b, nil
		}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode record: %w", err)
	}
	fresh := make([]byte, 0, len(head)+len(b))
	fresh = append(append(fresh, head...), b[1:]...)
	if prev == nil {
		return fresh, nil
	}
	return keepUnknown(prev, fresh, c.known)
}

// decode reads the record stored for id.
func (c codec[T]) decode(id string, b []byte) (v T, err error) {
	if err := json.Unmarshal(b, &v); err != nil {
		return v, fmt.Errorf("%w (%v)", ErrMisfit, err)
	}
	if got := c.id(&v); got != id {
		return v, fmt.Errorf("%w (it names %q)", ErrMisfit, got)
	}
	if schemaOf(b) < 1 {
		return v, fmt.Errorf("%w (it has no schema)", ErrMisfit)
	}
	return v, nil
}

// schemaOf returns the schema number of a record, 0 when it has none.
func schemaOf(b []byte) int {
	if bytes.HasPrefix(b, head) {
		return schema
	}
	var s struct {
		Schema int `json:"schema"`
	}
	_ = json.Unmarshal(b, &s) // a fault leaves 0, which the caller refuses
	return s.Schema
}

// fields are the JSON names a type knows, with those of the structs below it.
type fields struct{ names map[string]*fields }

func fieldsOf(t reflect.Type) *fields {
	f := &fields{names: map[string]*fields{"schema": nil}}
	for sf := range t.Fields() {
		if sf.Anonymous {
			maps.Copy(f.names, fieldsOf(sf.Type).names)
			continue
		}
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		ft := sf.Type
		if ft.Kind() == reflect.Pointer {
			ft = ft.Elem()
		}
		f.names[name] = nil
		if ft.Kind() == reflect.Struct && ft != reflect.TypeFor[time.Time]() {
			f.names[name] = fieldsOf(ft)
		}
	}
	return f
}

// keepUnknown returns fresh with the fields of prev that known does not name, and with prev's schema when it is newer.
func keepUnknown(prev, fresh []byte, known *fields) ([]byte, error) {
	var old map[string]json.RawMessage
	above := schemaOf(prev) > schema
	if json.Unmarshal(prev, &old) != nil || !above && !anyUnknown(old, known) {
		return fresh, nil
	}
	var next map[string]json.RawMessage
	if err := json.Unmarshal(fresh, &next); err != nil {
		return nil, fmt.Errorf("encode record: %w", err)
	}
	for name, raw := range old {
		below, named := known.names[name]
		switch {
		case !named:
			next[name] = raw
		case below != nil && len(next[name]) > 0:
			kept, err := keepUnknown(raw, next[name], below)
			if err != nil {
				return nil, err
			}
			next[name] = kept
		}
	}
	if above {
		next["schema"] = old["schema"]
	}
	return json.Marshal(next)
}

func anyUnknown(old map[string]json.RawMessage, known *fields) bool {
	for name, raw := range old {
		below, named := known.names[name]
		if !named {
			return true
		}
		if below == nil {
			continue
		}
		var inner map[string]json.RawMessage
		if json.Unmarshal(raw, &inner) == nil && anyUnknown(inner, below) {
			return true
		}
	}
	return false
}
