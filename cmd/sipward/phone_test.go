package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/spf13/cobra"

	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// output is a buffer that a test reads while a command writes.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// execute runs a command of its own and returns its error, and what it printed into out.
func execute(ctx context.Context, c *cobra.Command, out *output, args ...string) error {
	c.SetArgs(args)
	c.SetOut(out)
	c.SetErr(out)
	c.SilenceErrors, c.SilenceUsage = true, true
	return c.ExecuteContext(ctx)
}

func noEnv(string) (string, bool) { return "", false }

// farEnd is a registrar and a phone in one, over TLS.
func farEnd(t *testing.T, c phone.Config) (p *phone.Phone, caFile string) {
	t.Helper()
	certs := siptest.NewCertificates(t)
	c.User, c.Transport, c.Listen, c.TLS = "bob", "tls", "127.0.0.1:0", certs.Server
	if c.OnRequest == nil {
		c.OnRequest = func(r *gosip.Request) *phone.Reply {
			if r.Method != gosip.REGISTER {
				return nil
			}
			return &phone.Reply{Code: 200, Fields: []string{"Contact: " + phone.Header(r, "Contact") + ";expires=" + phone.Header(r, "Expires")}}
		}
	}
	return siptest.Phone(t, c), certs.CAFile
}

func TestPhoneRegister(t *testing.T) {
	t.Parallel()
	bob, ca := farEnd(t, phone.Config{})
	var out output
	err := execute(siptest.Within(t), phoneCommand(noEnv), &out, "register", "--server", bob.Addr().String(), "--user", "alice", "--ca", ca)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"--> REGISTER sip:127.0.0.1 SIP/2.0", "<-- SIP/2.0 200 OK", "registered for 10m0s", "unregistered"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, out.String())
		}
	}
}

func TestPhoneCallHearsAndRecords(t *testing.T) {
	t.Parallel()
	bob, ca := farEnd(t, phone.Config{Tone: 800, SRTP: phone.SRTPOptional})
	file := filepath.Join(t.TempDir(), "heard.wav")
	go func() {
		if call, err := bob.Incoming(t.Context()); err == nil {
			_ = call.Answer()
		}
	}()
	var out output
	err := execute(siptest.Within(t), phoneCommand(noEnv), &out, "call", "12345", "--server", bob.Addr().String(), "--user", "alice",
		"--ca", ca, "--srtp", "required", "--record", file, "--duration", "700ms")
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if got := siptest.ToneShare(siptest.WAV(t, file), 8000, 800); got < 0.9 {
		t.Errorf("the recording has %.2f of the tone, want at least 0.9", got)
	}
	for _, want := range []string{"--> INVITE sip:12345@127.0.0.1 SIP/2.0", "answered: 12345", "over SRTP A", "0 lost", "recorded into " + file} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, out.String())
		}
	}
}

func TestPhoneCallRefused(t *testing.T) {
	t.Parallel()
	bob, ca := farEnd(t, phone.Config{OnRequest: func(*gosip.Request) *phone.Reply {
		return &phone.Reply{Code: 403, Fields: []string{`Reason: Q.850;cause=21;text="account disabled"`}}
	}})
	var out output
	err := execute(siptest.Within(t), phoneCommand(noEnv), &out, "call", "1", "--server", bob.Addr().String(), "--user", "alice", "--ca", ca)
	if want := `call refused: 403 Forbidden (Q.850;cause=21;text="account disabled")`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestPhoneListenAnswersAndLeaves(t *testing.T) {
	t.Parallel()
	// The command's phone has no listener, so the far end calls it over the connection that it registered by.
	bob, ca := farEnd(t, phone.Config{})
	var out output
	ctx, stop := context.WithCancel(siptest.Within(t))
	defer stop()
	done := make(chan error, 1)
	go func() {
		done <- execute(ctx, phoneCommand(noEnv), &out, "listen", "--server", bob.Addr().String(), "--user", "alice", "--ca", ca)
	}()
	e, err := bob.Ladder().Expect(siptest.Within(t), func(e phone.Entry) bool { return !e.Out && strings.HasPrefix(e.First(), "REGISTER") })
	if err != nil {
		t.Fatal(err)
	}
	ask := siptest.Lines(`
OPTIONS sip:alice@127.0.0.1 SIP/2.0
Via: SIP/2.0/TLS ` + bob.Addr().String() + `;branch={branch};rport
From: <sip:bob@127.0.0.1>;tag=1
To: <sip:alice@127.0.0.1>
Call-ID: {call}
CSeq: 1 OPTIONS
Max-Forwards: 70
Content-Length: 0
`)
	if err := bob.Replay(e.Peer, ask); err != nil {
		t.Fatal(err)
	}
	if _, err := bob.Ladder().Expect(siptest.Within(t), func(e phone.Entry) bool {
		return !e.Out && e.First() == "SIP/2.0 200 OK" && bytes.Contains(e.Raw, []byte("OPTIONS"))
	}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it knows that it is registered", 10*time.Second, func() bool { return strings.Contains(out.String(), "registered") })
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "unregistered") {
		t.Errorf("it left without unregistering:\n%s", out.String())
	}
}

func TestPhoneUsage(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"--user is missing":      {"register"},
		"the number to call":     {"call", "--user", "alice"},
		`transport "sctp"`:       {"register", "--user", "alice", "--transport", "sctp"},
		"register, call, listen": {},
	} {
		var out output
		err := execute(siptest.Within(t), phoneCommand(noEnv), &out, args...)
		var usage usageError
		if !asUsage(err, &usage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want a usage error with %q", args, err, want)
		}
	}
}

func asUsage(err error, u *usageError) bool {
	got, ok := err.(usageError)
	*u = got
	return ok
}

func TestPhoneWarnsOfInsecure(t *testing.T) {
	t.Parallel()
	bob, _ := farEnd(t, phone.Config{})
	var out output
	if err := execute(siptest.Within(t), phoneCommand(noEnv), &out, "register", "--server", bob.Addr().String(), "--user", "alice", "--insecure"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "warning: --insecure") {
		t.Errorf("no warning:\n%s", out.String())
	}
}

func TestPhoneRefusesAnUnknownCertificate(t *testing.T) {
	t.Parallel()
	bob, _ := farEnd(t, phone.Config{})
	empty := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"TLS handshake":                 {"register", "--server", bob.Addr().String(), "--user", "alice"},
		"give --ca data/tls/ca.pem":     {"register", "--server", bob.Addr().String(), "--user", "alice"},
		"is the server running there (": {"register", "--server", "127.0.0.1:1", "--user", "alice"},
		"no PEM certificate":            {"register", "--server", bob.Addr().String(), "--user", "alice", "--ca", empty},
	} {
		var out output
		begun := time.Now()
		if err := execute(siptest.Within(t), phoneCommand(noEnv), &out, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v after %s, want %q", err, time.Since(begun), want)
		}
	}
}
