package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// longest is how much of a value the log keeps, in bytes.
const longest = 2048

// masked is what a secret looks like.
var masked = json.RawMessage(`"[secret]"`)

// secret reports whether a member of that name is one: by the words that secrets are called by, so that a new one is
// masked before anybody thinks of it.
func secret(name string) bool {
	if name == "keys" { // fingerprints and certificates, and the buttons of a phone: public
		return false
	}
	return slices.ContainsFunc([]string{
		"password", "secret", "hash", "token", "credential", "ha1", "sealed", "factor", "recovery", "key", "devices", "content", "plain", "csrf",
	}, func(word string) bool { return strings.Contains(name, word) })
}

// silent reports whether a member says nothing about what was done.
func silent(name string) bool {
	return slices.Contains([]string{"schema", "id", "created_at", "updated_at", "sessions", "signed_in_at", "signed_in_from", "used_at", "used_from"}, name)
}

// Diff compares two JSON objects, either of which may be empty, member by member, in the order of their names.
func Diff(before, after []byte) []Field {
	old, fresh := members(before), members(after)
	var names []string
	for n := range old {
		names = append(names, n)
	}
	for n := range fresh {
		if _, there := old[n]; !there {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	fields := []Field{}
	for _, n := range names {
		if !silent(n) && !bytes.Equal(old[n], fresh[n]) {
			fields = append(fields, Field{Name: n, Before: shown(n, old[n]), After: shown(n, fresh[n])})
		}
	}
	return fields
}

// Name is what people call a stored object: the first of its members that is a name.
func Name(object []byte) string {
	m := members(object)
	for _, n := range []string{"name", "owner", "user", "mac"} {
		var s string
		if json.Unmarshal(m[n], &s) == nil && s != "" {
			return s
		}
	}
	return ""
}

func members(object []byte) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(object, &m) != nil {
		return nil // bytes of a clip, or nothing at all
	}
	for n, raw := range m {
		var b bytes.Buffer
		if json.Compact(&b, raw) == nil {
			m[n] = b.Bytes()
		}
	}
	return m
}

func shown(name string, raw json.RawMessage) json.RawMessage {
	switch {
	case raw == nil:
		return json.RawMessage("null")
	case secret(name):
		return masked
	case len(raw) > longest:
		return json.RawMessage(fmt.Sprintf(`"[%d bytes]"`, len(raw)))
	}
	return mask(raw)
}

// mask hides secrets inside a value.
func mask(raw json.RawMessage) json.RawMessage {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return masked
	}
	clean, changed := hide(v)
	if !changed {
		return raw
	}
	b, err := json.Marshal(clean)
	if err != nil {
		return masked
	}
	return b
}

func hide(v any) (any, bool) {
	changed := false
	switch v := v.(type) {
	case map[string]any:
		for n, inner := range v {
			if secret(n) && inner != nil {
				v[n], changed = "[secret]", true
				continue
			}
			clean, c := hide(inner)
			v[n], changed = clean, changed || c
		}
	case []any:
		for i, inner := range v {
			clean, c := hide(inner)
			v[i], changed = clean, changed || c
		}
	}
	return v, changed
}
