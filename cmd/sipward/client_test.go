package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/apitest"
)

// console is a terminal at which the client commands are typed.
type console struct {
	t    *testing.T
	base string
}

func openConsole(t *testing.T) (console, *apitest.API) {
	t.Helper()
	api := apitest.Open(t)
	s := httptest.NewServer(api.Strict())
	t.Cleanup(s.Close)
	return console{t, s.URL}, api
}

// run types one command and wants its exit code.
func (c console) run(code int, args ...string) (stdout, stderr string) {
	c.t.Helper()
	var out, errs bytes.Buffer
	args = append(args, "--api", c.base, "--token", apitest.Bootstrap)
	got := run(c.t.Context(), args, func(string) (string, bool) { return "", false }, &out, &errs)
	if got != code {
		c.t.Fatalf("%q: exit code %d, want %d\n%s%s", args, got, code, &out, &errs)
	}
	return out.String(), errs.String()
}

func (c console) json(args ...string) map[string]any {
	c.t.Helper()
	out, _ := c.run(exitDone, append(args, "-o", "json")...)
	var v map[string]any
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		c.t.Fatalf("%q: %v in %s", args, err, out)
	}
	return v
}

func TestTheClientCommandsRunADay(t *testing.T) {
	t.Parallel()
	c, _ := openConsole(t)
	if out, _ := c.run(exitDone, "group", "create", "Sales", "--it-email", "it@example.org"); !strings.Contains(out, "ID") || !strings.Contains(out, "Sales") {
		t.Errorf("group create:\n%s", out)
	}
	ann := c.json("account", "create", "--group", "Sales", "--owner", "Ann Smith", "--number", "+390212345678", "--obfuscation=false")
	if ann["password"] == "" || ann["state"] != "active" || ann["obfuscation"] != false {
		t.Errorf("account create: %v", ann)
	}
	c.run(exitDone, "account", "create", "--group", "Sales", "--owner", "Bob", "--number", "112", "--way", "wizard", "--profile", "default")
	if out, _ := c.run(exitDone, "account", "list", "--state", "active"); strings.Count(out, "\n") != 2 || !strings.Contains(out, "Ann Smith") {
		t.Errorf("account list:\n%s", out)
	}
	out, _ := c.run(exitDone, "account", "disable", ann["user"].(string), "--reason", "lost phone", "--wait", "5s")
	if !strings.Contains(out, "is disabled") {
		t.Errorf("account disable: %s", out)
	}
	if out, _ := c.run(exitDone, "account", "show", "+390212345678"); !strings.Contains(out, "lost phone") || strings.Contains(out, "password") {
		t.Errorf("account show:\n%s", out)
	}
	if on := c.json("account", "enable", ann["id"].(string)); on["state"] != "active" {
		t.Errorf("account enable: %v", on)
	}
	if _, errs := c.run(exitFailed, "token", "create", "past", "--expires", "-1s"); !strings.Contains(errs, "above zero") {
		t.Errorf("a lifetime that is over: %s", errs)
	}
	tok := c.json("token", "create", "backup", "--role", "auditor", "--expires", "1h")
	if !strings.HasPrefix(tok["token"].(string), "sw_") || tok["expires_at"] == nil {
		t.Errorf("token create: %v", tok)
	}
	if out, _ := c.run(exitDone, "token", "list"); !strings.Contains(out, "backup") || strings.Contains(out, tok["token"].(string)) {
		t.Errorf("token list:\n%s", out)
	}
	c.run(exitDone, "token", "delete", tok["id"].(string))
	c.run(exitDone, "node", "list")
	if _, errs := c.run(exitFailed, "group", "delete", "Sales"); !strings.Contains(errs, "move or delete") {
		t.Errorf("group delete: %s", errs)
	}
	c.run(exitDone, "account", "delete", "112")
	c.run(exitDone, "account", "delete", ann["id"].(string))
	c.run(exitDone, "group", "delete", "Sales")
}

func TestClipsAreListedAndReplaced(t *testing.T) {
	t.Parallel()
	c, _ := openConsole(t)
	file := filepath.Join(t.TempDir(), "new.wav")
	if err := os.WriteFile(file, []byte("RIFF new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, _ := c.run(exitDone, "clip", "put", "account-disabled", "en", file); !strings.Contains(out, "uploaded") {
		t.Errorf("clip put:\n%s", out)
	}
	if out, _ := c.run(exitDone, "clip", "list"); strings.Count(out, "uploaded") != 1 || strings.Count(out, "1.5 s") != strings.Count(out, "\n")-1 {
		t.Errorf("clip list:\n%s", out)
	}
	c.run(exitDone, "clip", "delete", "account-disabled", "en")
	if out, _ := c.run(exitDone, "clip", "list"); strings.Contains(out, "uploaded") {
		t.Errorf("clip list:\n%s", out)
	}
	if _, errs := c.run(exitFailed, "clip", "put", "no-such-prompt", "en", file); !strings.Contains(errs, "sipward clip list") {
		t.Errorf("unknown prompt: %s", errs)
	}
	if _, errs := c.run(exitFailed, "clip", "put", "account-disabled", "en", "/nowhere.wav"); !strings.Contains(errs, "/nowhere.wav") {
		t.Errorf("no file: %s", errs)
	}
}

func TestErrorsNameTheFileThatWasAskedFor(t *testing.T) {
	t.Parallel()
	c, _ := openConsole(t)
	if _, errs := c.run(exitFailed, "store", "export", "/nope/x"); !strings.Contains(errs, "write /nope/x: no such file") {
		t.Errorf("export: %s", errs)
	}
	if err := replaceFile("/nope/x.wav", nil); err == nil || !strings.Contains(err.Error(), "write /nope/x.wav: no such file") {
		t.Errorf("convert: %v", err)
	}
}

func TestTheStoreIsExportedToAFile(t *testing.T) {
	t.Parallel()
	c, api := openConsole(t)
	api.Account(api.Group("Sales"), "Ann", "111", nil)
	file := filepath.Join(t.TempDir(), "backup.jsonl")
	c.run(exitDone, "store", "export", file)
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", st, err)
	}
	other, _ := openConsole(t)
	if out, _ := other.run(exitDone, "store", "import", file); !strings.Contains(out, "accounts  1") || !strings.Contains(out, "profiles  0") {
		t.Errorf("import:\n%s", out)
	}
	if out, _ := other.run(exitDone, "account", "list"); !strings.Contains(out, "Ann") {
		t.Errorf("after the import:\n%s", out)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, whole[:len(whole)-20], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs := other.run(exitFailed, "store", "import", file); strings.Count(errs, "\n") != 1 {
		t.Errorf("a damaged file: %s", errs)
	}
	if _, errs := other.run(exitFailed, "store", "import", "/nowhere"); !strings.Contains(errs, "/nowhere") {
		t.Errorf("no file: %s", errs)
	}
}

// A broken export must not take the place of a good one.
func TestABrokenExportLeavesTheOldFile(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("{\"header\":{}}\n"))
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(s.Close)
	file := filepath.Join(t.TempDir(), "backup.jsonl")
	if err := os.WriteFile(file, []byte("good"), 0o600); err != nil {
		t.Fatal(err)
	}
	console{t, s.URL}.run(exitFailed, "store", "export", file)
	if b, err := os.ReadFile(file); err != nil || string(b) != "good" {
		t.Errorf("%q %v", b, err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".export-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestMistakesAreNamedWithTheirMend(t *testing.T) {
	t.Parallel()
	c, api := openConsole(t)
	for _, x := range []struct {
		code int
		args string
		says string
	}{
		{exitUsage, "account", "say what to do"},
		{exitUsage, "account lisst", "account --help"},
		{exitUsage, "account show", "ID|USER|NUMBER"},
		{exitUsage, "account list extra", "takes no arguments"},
		{exitUsage, "account list -o yaml", "table or json"},
		{exitUsage, "account list --colour red", "unknown flag"},
		{exitFailed, "account show 999", "account list"},
		{exitFailed, "account create --owner Ann --number 111", "--group is missing: every account belongs to a group (make one with sipward group create)"},
		{exitFailed, "account create --group Nowhere --owner Ann --number 111", "group list"},
		{exitFailed, "token create x --role god", "superadmin"},
		{exitFailed, "token delete nothing", "no such token: list them with sipward token list"},
		{exitFailed, "group delete Nowhere", "group list"},
		{exitFailed, "account list --state asleep", "pending, active, disabled"},
	} {
		out, errs := c.run(x.code, strings.Fields(x.args)...)
		if !strings.Contains(errs, x.says) || x.code == exitFailed && out != "" {
			t.Errorf("%s: stdout %q, stderr %q does not say %q", x.args, out, errs, x.says)
		}
	}
	_, errs := c.run(exitFailed, "account", "create")
	if lines := strings.Count(errs, "\n"); lines != 4 {
		t.Errorf("three faults in %d lines:\n%s", lines, errs)
	}
	id := api.Account(api.Group("Sales"), "Ann", "111", nil).Get("id")
	err := api.Store.Nodes.Beat(t.Context(), account.Node{ID: "sleepy", Address: "127.0.0.1:1", Started: time.Now(), Seen: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if _, errs := c.run(exitFailed, "account", "disable", id, "--wait", "1ms"); !strings.Contains(errs, "sleepy") || !strings.Contains(errs, "node list") {
		t.Errorf("a node that does not follow: %s", errs)
	}
}
