package siptest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sipward/sip/phone"
)

// update is -update: golden files are written instead of compared. Another package of the test may have it already.
var update = updateFlag()

func updateFlag() func() bool {
	if f := flag.Lookup("update"); f != nil {
		return func() bool { return f.Value.String() == "true" }
	}
	v := flag.Bool("update", false, "write golden files instead of comparing with them")
	return func() bool { return *v }
}

// Side is one phone's part of a transcript, or what is not a message: lines of text.
type Side struct {
	Name  string
	Phone *phone.Phone // nil: there is only text
	Text  string
}

// Golden compares what each phone sent and received, in its own order, with testdata/<name>.golden. What differs from
// run to run (branches, tags, Call-IDs, ports, nonces, cookies, keys, times) is masked by words that are numbered in
// order of appearance, so that it still shows what equals what.
func Golden(t testing.TB, name string, sides ...Side) {
	t.Helper()
	got := Transcript(sides...)
	path := filepath.Join("testdata", name+".golden")
	if update() {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run the test with -update to write it, and read what it wrote", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs from what was said (-want +got):\n%s", path, diff)
	}
}

// Transcript writes the masked messages of each phone.
func Transcript(sides ...Side) string {
	var b strings.Builder
	m := newMasker()
	for i, s := range sides {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "==== %s\n", s.Name)
		if s.Text != "" {
			b.WriteString("\n" + m.mask(s.Text))
		}
		if s.Phone != nil {
			m.messages(&b, s.Phone.Ladder().Entries())
		}
	}
	return b.String()
}

func (m *masker) messages(b *strings.Builder, entries []phone.Entry) {
	for _, e := range entries {
		arrow := "<--"
		if e.Out {
			arrow = "-->"
		}
		text := strings.TrimRight(strings.ReplaceAll(m.mask(string(e.Raw)), "\r\n", "\n"), "\n")
		fmt.Fprintf(b, "\n%s %s\n", arrow, strings.ReplaceAll(text, "\n", "\n    "))
	}
}
