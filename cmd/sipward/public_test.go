package main

import (
	"bufio"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sipward/internal/account"
)

// P10: the file names every route of the phones' listener and no other, with what it answers somebody without a token, the
// device of a disabled account, and a device in service.
func TestP10EveryPublicRouteIsInTheMatrix(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.HTTP.Public = "127.0.0.1:0"
	s := start(t, c)
	group := s.group()
	good, bad := s.device(s.messenger(group, "7401")), s.device(s.messenger(group, "7402"))
	s.disable(bad.line)
	eventually(t, "the disable is known", time.Minute, func() bool { return s.n.sip.Out(account.ID(bad.ID)) })
	none := good.at(s)
	none.token = ""
	var listed, routed []string
	f, err := os.Open("testdata/public.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		w := strings.Fields(lines.Text())
		if len(w) == 0 || strings.HasPrefix(w[0], "#") {
			continue
		}
		if len(w) != 5 {
			t.Fatalf("line %q has %d words, want 5", lines.Text(), len(w))
		}
		listed = append(listed, w[0]+" "+w[1])
		path := strings.NewReplacer(":number", "999999", ":id", "nobody", ":token", "nonsense", ":file", "nothing.xml").Replace(w[1])
		for i, d := range []*device{none, bad, good} {
			if got := d.code(w[0], path); got != w[2+i] {
				t.Errorf("%s %s by %s: %s, want %s", w[0], w[1], []string{"nobody", "a disabled account", "a device"}[i], got, w[2+i])
			}
		}
	}
	for _, table := range s.n.publicTables() {
		for _, r := range table {
			routed = append(routed, r.Method+" "+r.Path)
		}
	}
	slices.Sort(listed)
	slices.Sort(routed)
	if !slices.Equal(listed, routed) {
		t.Errorf("matrix and router differ:\nmatrix %q\nrouter %q", listed, routed)
	}
}

// code is the status of an answer, whatever its form.
func (d *device) code(method, path string) string {
	d.s.t.Helper()
	body := strings.NewReader("")
	if method != http.MethodGet && method != http.MethodHead {
		body = strings.NewReader("{}")
	}
	r, err := http.NewRequestWithContext(d.s.t.Context(), method, d.s.public+path, body)
	if err != nil {
		d.s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if d.token != "" {
		r.Header.Set("Authorization", "Bearer "+d.token)
	}
	w, err := d.client.Do(r)
	if err != nil {
		d.s.t.Fatal(err)
	}
	_ = w.Body.Close()
	return w.Status[:3]
}
