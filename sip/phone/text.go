package phone

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// message is a request or response being built. It is text, so that nothing is normalised on its way out.
type message struct {
	first  string
	fields []field
	body   []byte
}

type field struct{ name, value string }

func (m *message) add(name, value string) { m.fields = append(m.fields, field{name, value}) }

func (m *message) addAll(fs []field) { m.fields = append(m.fields, fs...) }

// set replaces the first field of that name, or adds one.
func (m *message) set(name, value string) {
	for i := range m.fields {
		if strings.EqualFold(m.fields[i].name, name) {
			m.fields[i].value = value
			return
		}
	}
	m.add(name, value)
}

func (m *message) get(name string) string {
	for _, f := range m.fields {
		if strings.EqualFold(f.name, name) {
			return f.value
		}
	}
	return ""
}

func (m *message) content(kind string, body []byte) {
	if len(body) == 0 {
		return
	}
	m.add("Content-Type", kind)
	m.body = body
}

// bytes writes the message with via as its topmost Via (when not empty) and the Content-Length that streams need
// (RFC 3261 section 18.3).
func (m *message) bytes(via string) []byte {
	var b bytes.Buffer
	b.WriteString(m.first + "\r\n")
	if via != "" {
		b.WriteString("Via: " + via + "\r\n")
	}
	for _, f := range m.fields {
		b.WriteString(f.name + ": " + f.value + "\r\n")
	}
	b.WriteString("Content-Length: " + strconv.Itoa(len(m.body)) + "\r\n\r\n")
	b.Write(m.body)
	return b.Bytes()
}

// compact are the short forms of the header names we read (RFC 3261 section 7.3.3, RFC 3515, RFC 6665).
var compact = map[string]string{
	"from": "f", "to": "t", "contact": "m", "content-type": "c", "supported": "k", "refer-to": "r", "event": "o",
	"call-id": "i", "via": "v",
}

// Header returns the first value of a header of a message that this package has read, by its long or short name, as it
// stood on the wire; empty if there is none.
func Header(m gosip.Message, name string) string {
	if all := Headers(m, name); len(all) > 0 {
		return all[0]
	}
	return ""
}

// Headers returns all values of a header, in order, as they stood on the wire.
func Headers(m gosip.Message, name string) []string {
	short := compact[strings.ToLower(name)]
	var out []string
	for _, h := range allHeaders(m) {
		if n := h.Name(); strings.EqualFold(n, name) || short != "" && strings.EqualFold(n, short) {
			out = append(out, h.Value())
		}
	}
	return out
}

func allHeaders(m gosip.Message) []gosip.Header {
	switch m := m.(type) {
	case *gosip.Request:
		return m.Headers()
	case *gosip.Response:
		return m.Headers()
	}
	return nil
}

// list splits comma-separated header values, minding quotes and angle brackets.
func list(values []string) []string {
	var out []string
	for _, v := range values {
		start, quoted, angled := 0, false, false
		for i := 0; i < len(v); i++ {
			switch c := v[i]; {
			case c == '\\' && quoted:
				i++
			case c == '"':
				quoted = !quoted
			case quoted:
			case c == '<':
				angled = true
			case c == '>':
				angled = false
			case c == ',' && !angled:
				out, start = append(out, strings.TrimSpace(v[start:i])), i+1
			}
		}
		if last := strings.TrimSpace(v[start:]); last != "" {
			out = append(out, last)
		}
	}
	return out
}

// address takes the URI out of a name-addr or addr-spec.
func address(v string) string {
	if _, behind := split(v, '<'); behind != "" {
		if uri, _, ok := strings.Cut(behind, ">"); ok {
			return uri
		}
	}
	uri, _, _ := strings.Cut(v, ";") // without brackets the parameters belong to the header (RFC 3261 section 20.10)
	return strings.TrimSpace(uri)
}

// parameter reads a header parameter (behind the brackets) such as the tag; present tells an empty one from none.
func parameter(v, name string) (value string, present bool) {
	_, params := split(v, ';')
	if before, behind := split(v, '<'); before != v { // what is inside the brackets belongs to the URI
		_, params, _ = strings.Cut(behind, ">")
		params = strings.TrimLeft(params, "; \t")
	}
	for params != "" {
		var p string
		p, params = split(params, ';')
		k, val, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(strings.TrimSpace(k), name) {
			return strings.Trim(strings.TrimSpace(val), `"`), true
		}
	}
	return "", false
}

// split cuts at the first separator outside of quotes.
func split(v string, separator byte) (before, behind string) {
	quoted := false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			return v[:i], v[i+1:]
		}
	}
	return v, ""
}

func tagOf(v string) string { t, _ := parameter(v, "tag"); return t }

// hasToken tells whether a comma-separated header lists an option such as 100rel.
func hasToken(m gosip.Message, header, token string) bool {
	for _, t := range list(Headers(m, header)) {
		if strings.EqualFold(t, token) {
			return true
		}
	}
	return false
}

func random() string { return strings.ToLower(rand.Text()[:16]) }

func randomUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
