package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
)

// maxDepth is far above what our bodies need and far below what hurts.
const maxDepth = 16

// Opt is a member of a body that may be absent or null, and tells which.
type Opt[T any] struct {
	Set   bool // the member was there
	Null  bool // as null
	Value T
}

// UnmarshalJSON notes that the member was there.
func (o *Opt[T]) UnmarshalJSON(b []byte) error {
	o.Set = true
	if string(b) == "null" {
		o.Null = true
		return nil
	}
	return json.Unmarshal(b, &o.Value)
}

// Or is the value, or def when the member is absent or null.
func (o Opt[T]) Or(def T) T {
	if o.Set && !o.Null {
		return o.Value
	}
	return def
}

// Bind reads the body, one JSON object, into the struct that into points to. Members are matched by their exact json
// tag; unknown, repeated and mistyped members are told all at once.
func Bind(c *gin.Context, into any) error {
	body, err := readJSON(c)
	if err != nil {
		return err
	}
	return decode(body, into)
}

// BindOptional is Bind, but no body is an empty object.
func BindOptional(c *gin.Context, into any) error {
	first := make([]byte, 1)
	n, err := io.ReadFull(c.Request.Body, first) // the length alone does not tell: an empty body may be chunked
	if n == 0 && errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return BodyFault(err)
	}
	c.Request.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(first), c.Request.Body), c.Request.Body}
	return Bind(c, into)
}

func readJSON(c *gin.Context) ([]byte, error) {
	if err := CheckMedia(c, "application/json", "application/merge-patch+json"); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return nil, BodyFault(err)
	}
	return body, nil
}

// BodyFault is the error of reading a body: too large, or cut off by the client's connection.
func BodyFault(err error) error {
	var size *http.MaxBytesError
	if errors.As(err, &size) {
		return err
	}
	return fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
}

// CheckMedia refuses compressed bodies (a small one can unpack to any size) and other types than those given.
func CheckMedia(c *gin.Context, types ...string) error {
	if enc := c.GetHeader("Content-Encoding"); enc != "" && enc != "identity" {
		return UnsupportedMedia("Content-Encoding is not accepted: send the body uncompressed")
	}
	got, _, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if err == nil {
		for _, t := range types {
			if got == t {
				return nil
			}
		}
	}
	return UnsupportedMedia("send Content-Type: " + types[0])
}

func decode(body []byte, into any) error {
	if !utf8.Valid(body) {
		return Bad("not_json", "the body is not UTF-8 (RFC 8259 section 8.1)")
	}
	members, err := object(body)
	if err != nil {
		return err
	}
	fields := fieldsOf(reflect.ValueOf(into).Elem())
	var faults Faults
	seen := make(map[string]bool, len(members))
	for _, m := range members {
		target, ok := fields[m.name]
		switch {
		case !ok:
			faults.Add(pointer(m.name), "unknown_field", "is unknown here: leave it out")
		case seen[m.name]:
			faults.Add(pointer(m.name), "repeated_field", "is given twice: give it once")
		default:
			if err := json.Unmarshal(m.raw, target.Addr().Interface()); err != nil || string(m.raw) == "null" && !nullable(target) {
				faults.Add(pointer(m.name), "wrong_type", "must be "+kindName(target.Type()))
			}
		}
		seen[m.name] = true
	}
	return faults.Err()
}

type member struct {
	name string
	raw  json.RawMessage
}

// object splits one JSON object into its members, in order, repeated ones included, and bounds its depth.
func object(body []byte) ([]member, error) {
	if err := checkDepth(body); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, notJSON(err)
	}
	var members []member
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, notJSON(err)
		}
		m := member{name: t.(string)} // the decoder lets nothing else be a name
		if err := dec.Decode(&m.raw); err != nil {
			return nil, notJSON(err)
		}
		members = append(members, m)
	}
	if _, err := dec.Token(); err != nil {
		return nil, notJSON(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, Bad("not_json", "something follows the JSON object: send one object only")
	}
	return members, nil
}

// checkDepth counts brackets outside strings, before any parser recurses into them.
func checkDepth(body []byte) error {
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		switch b := body[i]; {
		case inString && b == '\\':
			i++
		case b == '"':
			inString = !inString
		case inString:
		case b == '{' || b == '[':
			if depth++; depth > maxDepth {
				return Bad("too_deep", fmt.Sprintf("the JSON is nested deeper than %d levels", maxDepth))
			}
		case b == '}' || b == ']':
			depth--
		}
	}
	return nil
}

func notJSON(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return Bad("not_json", fmt.Sprintf("the body is not JSON at byte %d: %s", syntax.Offset, strings.TrimPrefix(syntax.Error(), "json: ")))
	}
	return Bad("not_json", "the body must be one JSON object")
}

func fieldsOf(v reflect.Value) map[string]reflect.Value {
	fields := make(map[string]reflect.Value, v.NumField())
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		fields[name] = v.Field(i)
	}
	return fields
}

func nullable(v reflect.Value) bool {
	if v.Kind() != reflect.Struct {
		return v.Kind() == reflect.Pointer
	}
	_, opt := v.Type().FieldByName("Null")
	return opt
}

func kindName(t reflect.Type) string {
	if t.Kind() == reflect.Struct {
		if f, ok := t.FieldByName("Value"); ok { // an Opt
			return kindName(f.Type)
		}
		return "a time as RFC 3339 writes it, for example 2026-01-31T12:00:00Z"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "an array"
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Float64:
		return "a number"
	}
	return "of another type"
}

// pointer is the RFC 6901 pointer of a top-level member, cut short: names come from strangers.
func pointer(name string) string {
	if len(name) > 64 {
		name = strings.ToValidUTF8(name[:64], "") + "…"
	}
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
