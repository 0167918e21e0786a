package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// O4 from a terminal: the log is read, verified on the server, exported, and verified where no server is.
func TestTheAuditLogIsVerifiedFromATerminal(t *testing.T) {
	t.Parallel()
	c, _ := openConsole(t)
	c.run(exitDone, "group", "create", "Sales")
	c.run(exitDone, "account", "create", "--group", "Sales", "--owner", "Ann", "--number", "111")
	if out, _ := c.run(exitDone, "audit", "list", "--kind", "account"); !strings.Contains(out, "create account Ann") || !strings.Contains(out, "bootstrap") {
		t.Errorf("got %s", out)
	}
	c.run(exitDone, "audit", "verify")
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	c.run(exitDone, "audit", "export", file)
	c.run(exitDone, "audit", "verify", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "bootstrap", "bootstrip", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, errs := c.run(exitFailed, "audit", "verify", file); !strings.Contains(out, "was changed") || !strings.Contains(errs, "1 fault") {
		t.Errorf("got %s %s", out, errs)
	}
}
