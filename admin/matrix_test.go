package admin_test

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sipward/internal/account"
	"sipward/internal/apitest"
)

// columns of testdata/matrix.txt behind the method and the path.
var columns = []string{"none", "auditor", "operator", "admin", "superadmin"}

type row struct {
	method, path string
	allowed      []bool // by column
}

func readMatrix(t *testing.T) []row {
	t.Helper()
	f, err := os.Open("testdata/matrix.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []row
	for s := bufio.NewScanner(f); s.Scan(); {
		w := strings.Fields(s.Text())
		if len(w) == 0 || strings.HasPrefix(w[0], "#") {
			continue
		}
		if len(w) != 2+len(columns) {
			t.Fatalf("matrix line %q has %d words, want %d", s.Text(), len(w), 2+len(columns))
		}
		r := row{method: w[0], path: w[1]}
		for _, v := range w[2:] {
			r.allowed = append(r.allowed, v == "yes")
		}
		rows = append(rows, r)
	}
	return rows
}

// P10: the matrix names every route of the router and no other, and the router does what the matrix says.
func TestEveryRouteIsInTheMatrix(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	var listed, routed []string
	for _, r := range readMatrix(t) {
		listed = append(listed, r.method+" "+r.path)
	}
	for _, r := range api.Routes {
		routed = append(routed, r.Method+" "+r.Path)
	}
	outside := slices.DeleteFunc(slices.Clone(routed), func(r string) bool { return slices.Contains(listed, r) })
	t.Logf("routes outside the matrix, of %d: %d / limit 0", len(routed), len(outside))
	slices.Sort(listed)
	slices.Sort(routed)
	if !slices.Equal(listed, routed) {
		t.Errorf("matrix and router differ:\nmatrix %q\nrouter %q", listed, routed)
	}
}

func TestTheMatrixHolds(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	bearer := map[string]string{"none": "-"}
	for _, c := range columns[1:] {
		bearer[c] = api.Token(account.Role(c))
	}
	for n, r := range readMatrix(t) {
		if strings.HasSuffix(r.path, "/events") {
			continue // does not end; TestOnlyReadersFollowEvents asks it
		}
		path := strings.NewReplacer(`\:`, ":", ":link", "unknown", ":delivery", "unknown", ":id", "unknown", ":version", "unknown", ":language", "xx", ":prompt", "unknown").Replace(r.path)
		for i, c := range columns {
			got := api.Do(apitest.Call{Method: r.method, Path: path, Bearer: bearer[c], From: fmt.Sprintf("192.0.2.%d", n)}).Code
			refused := got == 401 || got == 403
			if refused == r.allowed[i] {
				t.Errorf("%s %s as %s: %d, matrix says allowed=%v", r.method, r.path, c, got, r.allowed[i])
			}
			if want := map[bool]int{true: 401, false: 403}[c == "none"]; refused && got != want {
				t.Errorf("%s %s as %s: %d, want %d", r.method, r.path, c, got, want)
			}
		}
	}
}

func TestOnlyReadersFollowEvents(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	api.Do(apitest.Call{Method: "GET", Path: "/api/v1/events", Bearer: "-"}).Refused(401, "unauthorised")
	api.Do(apitest.Call{Method: "GET", Path: "/api/v1/events", Bearer: "sw_aaaaaaaaaaaa_aaaaaaaaaaaaaaaaaaaaaaaaaa"}).Refused(401, "unauthorised")
}

// parameter is one of a route's path, as gin writes it.
var parameter = regexp.MustCompile(`/:([a-z_]+)`)

// The document and the router know the same routes.
func TestTheDocumentIsTheRouter(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	var documented, routed []string
	for path, item := range api.Spec.Paths.Map() {
		for method := range item.Operations() {
			documented = append(documented, method+" "+path)
		}
	}
	for _, r := range api.Routes {
		path := parameter.ReplaceAllString(r.Path, "/{$1}")
		path = strings.ReplaceAll(path, `\:`, ":") // an action, as in accounts:import
		routed = append(routed, r.Method+" "+path)
	}
	slices.Sort(documented)
	slices.Sort(routed)
	if !slices.Equal(documented, routed) {
		t.Errorf("document and router differ:\ndocument %q\nrouter   %q", documented, routed)
	}
}
