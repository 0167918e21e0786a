package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/web"
)

type body struct {
	Name web.Opt[string]    `json:"name"`
	On   web.Opt[bool]      `json:"on"`
	At   web.Opt[time.Time] `json:"at"`
	N    int                `json:"n"`
}

func binding(t *testing.T) floor {
	t.Helper()
	return open(t, web.Config{}, nil, web.Route{Method: http.MethodPost, Path: "/x", Role: account.Auditor, MaxBody: 4096, Handle: func(c *gin.Context) error {
		var b body
		if err := web.Bind(c, &b); err != nil {
			return err
		}
		c.JSON(http.StatusOK, map[string]any{"set": b.Name.Set, "null": b.Name.Null, "name": b.Name.Or("default"), "on": b.On.Or(true), "n": b.N})
		return nil
	}})
}

func TestBodiesAreReadStrictly(t *testing.T) {
	t.Parallel()
	f := binding(t)
	for in, want := range map[string]string{
		`{}`:                             `{"n":0,"name":"default","null":false,"on":true,"set":false}`,
		`{"name":null}`:                  `{"n":0,"name":"default","null":true,"on":true,"set":true}`,
		` {"name":"","on":false,"n":7} `: `{"n":7,"name":"","null":false,"on":false,"set":true}`,
	} {
		if w, _ := f.ask(t, "POST", "/x", in); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %s", in, w.Code, w.Body)
		}
	}
	for in, want := range map[string]string{
		`{"Name":"x"}`:                     "/Name unknown_field",
		`{"a/b~c":1}`:                      "/a~1b~0c unknown_field",
		`{"name":"x","name":"y"}`:          "/name repeated_field",
		`{"name":1,"on":"yes","at":"now"}`: "/name wrong_type,/on wrong_type,/at wrong_type",
		`{"n":null}`:                       "/n wrong_type",
		`{"n":1.5}`:                        "/n wrong_type",
		`{"x":1,"y":{"z":[]}}`:             "/x unknown_field,/y unknown_field",
	} {
		_, p := f.ask(t, "POST", "/x", in)
		var got []string
		for _, e := range p.Errors {
			got = append(got, e.Pointer+" "+e.Code)
		}
		if p.Status != 400 || p.Code != "invalid" || strings.Join(got, ",") != want {
			t.Errorf("%s: %d %v, want %s", in, p.Status, got, want)
		}
	}
	for _, in := range []string{` `, `[]`, `null`, `"x"`, `{`, `{"name"}`, `{"name":}`, `{} {}`, `{}x`, `{"name":"x",}`, "{\"name\":\"\x01\"}", "{\"name\":\"\xc3\"}", `{'name':1}`} {
		if _, p := f.ask(t, "POST", "/x", in); p.Status != 400 || p.Code != "not_json" || strings.Contains(p.Detail, "\n") {
			t.Errorf("%q: %+v", in, p)
		}
	}
}

// B8: depth, size and compression.
func TestHostileBodiesAreRefused(t *testing.T) {
	t.Parallel()
	f := binding(t)
	deep := `{"name":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`
	if _, p := f.ask(t, "POST", "/x", deep); p.Code != "too_deep" {
		t.Errorf("deep: %+v", p)
	}
	if _, p := f.ask(t, "POST", "/x", `{"name":"[[[[[[[[[[[[[[[[[[[[[[[\"{{{{{{{{{{{{{{{{{"}`); p.Status != 0 {
		t.Errorf("brackets in a string: %+v", p)
	}
	if _, p := f.ask(t, "POST", "/x", `{"name":"`+strings.Repeat("x", 5000)+`"}`); p.Status != 413 || p.Code != "too_large" {
		t.Errorf("large: %+v", p)
	}
	for _, h := range [][]string{{"Content-Encoding", "gzip"}, {"Content-Encoding", "br"}, {"Content-Type", "text/plain"}, {"Content-Type", "application/x-www-form-urlencoded"}, {"Content-Type", ""}} {
		if _, p := f.ask(t, "POST", "/x", `{}`, h...); p.Status != 415 {
			t.Errorf("%v: %+v", h, p)
		}
	}
	_, p := f.ask(t, "POST", "/x", `{"`+strings.Repeat("ab", 1000)+`":1}`)
	if len(p.Errors) != 1 || len(p.Errors[0].Pointer) > 80 {
		t.Errorf("a long name comes back long: %+v", p)
	}
}

func FuzzBind(f *testing.F) {
	for _, s := range []string{`{}`, `{"name":null,"on":true}`, `{"n":1}`, `[[[`, `{"a":"\\"}`, "{\"name\":\"\xff\"}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		fl := binding(t)
		if w, _ := fl.ask(t, "POST", "/x", in); w.Code != 200 && w.Code != 400 && w.Code != 413 && w.Code != 415 {
			t.Errorf("%q: %d %s", in, w.Code, w.Body)
		}
	})
}
