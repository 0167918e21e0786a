package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// cli runs one command line and returns its exit code and what it printed.
func cli(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // a command that should fail, and serves instead
	defer cancel()
	var out, errs bytes.Buffer
	code = run(ctx, args, os.LookupEnv, &out, &errs)
	return code, out.String(), errs.String()
}

// configFor writes a configuration on free ports, with lines of the test's own.
func configFor(t *testing.T, lines string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sipward.yaml")
	text := fmt.Sprintf("data_dir: %s\n%s", t.TempDir(), lines)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Every fault a user can cause is one clear line that names what is wrong and the mend.
func TestFaultsNameTheirMend(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() }) // after the parallel parts
	quiet := "http: {public: '', admin: '127.0.0.1:0', metrics: ''}\n"
	elsewhere := "sip: {udp: '127.0.0.1:0', tcp: '', tls: '', wss: ''}\n"
	bad := filepath.Join(t.TempDir(), "bad.wav")
	if err := os.WriteFile(bad, []byte("RIFF....WAVEnonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		code int
		want []string // all of them in the one line
	}{
		{"unknown key", []string{"config", "check", "--config", configFor(t, "sip: {anounce: early}")}, 1, []string{"sip.anounce", "did you mean sip.announce?"}},
		{"bad value", []string{"config", "check", "--config", configFor(t, "media: {ports: '9-'}")}, 1, []string{"media.ports", "first-last", "20000-29999"}},
		{"bad YAML", []string{"serve", "--config", configFor(t, "sip: [")}, 1, []string{"sipward.yaml"}},
		{"no such file", []string{"serve", "--config", "/nonexistent/sipward.yaml"}, 1, []string{"/nonexistent/sipward.yaml", "no such file"}},
		{"SIP port taken", []string{"serve", "--config", configFor(t, quiet+"sip: {udp: '', tcp: '"+taken.Addr().String()+"', tls: '', wss: ''}\n")}, 1,
			[]string{"sip.tcp", taken.Addr().String(), "in use", "another port"}},
		{"HTTP port taken", []string{"serve", "--config", configFor(t, elsewhere+"http: {public: '', metrics: '', admin: '"+taken.Addr().String()+"'}\n")}, 1,
			[]string{"http.admin", taken.Addr().String(), "taken", "another port"}},
		{"several ports taken", []string{"serve", "--config", configFor(t, "http: {public: '"+taken.Addr().String()+"', metrics: '', admin: '"+taken.Addr().String()+"'}\n"+
			"sip: {udp: '', tcp: '"+taken.Addr().String()+"', tls: '', wss: ''}\n")}, 1, []string{"sip.tcp", "SIPWARD_SIP_TCP", "http.admin", "http.public", "SIPWARD_HTTP_PUBLIC"}},
		{"certificate without key", []string{"config", "check", "--config", configFor(t, "tls: {cert: x.pem}")}, 1, []string{"tls.cert", "tls.key", "both"}},
		{"certificate not there", []string{"serve", "--config", configFor(t, quiet+elsewhere+"tls: {cert: x.pem, key: y.pem}")}, 1, []string{"x.pem", "tls.cert", "generated"}},
		{"bad root key", []string{"config", "check", "--config", configFor(t, "root_key: abc")}, 1, []string{"root_key", "64", "openssl rand -hex 32"}},
		{"bad WAV", []string{"clip", "check", bad}, 1, []string{"bad.wav"}},
		{"no such command", []string{"acount"}, 2, []string{"acount", "did you mean account?"}},
		{"no such flag", []string{"serve", "--port", "1"}, 2, []string{"--port", "--help"}},
		{"no API", []string{"account", "list", "--api", "http://127.0.0.1:1", "--token", "x"}, 1, []string{"127.0.0.1:1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := cli(t, c.args...)
			text := stderr
			if c.name == "bad WAV" {
				text += stdout
			}
			t.Log(strings.TrimSpace(text))
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			for _, w := range c.want {
				if !strings.Contains(text, w) {
					t.Errorf("the message does not say %q:\n%s", w, text)
				}
			}
			if n := strings.Count(strings.TrimSpace(stderr), "\n"); n > 0 {
				t.Errorf("the message has %d lines, want one:\n%s", n+1, stderr)
			}
			if strings.Contains(text, "goroutine") || strings.Contains(text, "panic") {
				t.Errorf("the message shows our insides:\n%s", text)
			}
		})
	}
}
