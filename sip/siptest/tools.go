package siptest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// need finds a program, or skips the test, or fails it when phones are required.
func need(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("SIPWARD_REQUIRE_PHONES") == "1" {
		t.Fatalf("%s is not installed and SIPWARD_REQUIRE_PHONES=1: install it", program)
	}
	t.Skipf("%s is not installed", program)
	return ""
}

// freePorts reserves n ports in a row on loopback, free on UDP and TCP at this moment, the first one even. Another
// process may take one before its user binds it; launchers try again then.
func freePorts(t testing.TB, n int) int {
	t.Helper()
	for range 1000 {
		// below the range from which the system takes ports for connections, so that nobody gets one by chance
		if first := 10000 + 2*rand.IntN(5000); rowIsFree(first, n) {
			return first
		}
	}
	t.Fatalf("no %d free ports in a row on 127.0.0.1", n)
	return 0
}

func rowIsFree(first, n int) bool {
	for port := first; port < first+n; port++ {
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return false
		}
		l.Close()
		u, err := net.ListenPacket("udp", addr)
		if err != nil {
			return false
		}
		u.Close()
	}
	return true
}

// program is a process of the test: its output is kept, and the test's end kills it.
type program struct {
	name string
	cmd  *exec.Cmd
	out  *output
	done chan struct{} // closed when it has ended; err is set before
	err  error
}

// output collects what a process prints.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends, forgetting the oldest half beyond 4 MiB.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.b.Len() > 4<<20 {
		o.b.Next(2 << 20)
	}
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start runs a program with its own environment added to ours. It is killed, with its children, when the test ends.
func start(t testing.TB, dir string, env []string, path string, args ...string) *program {
	t.Helper()
	p := prepare(dir, env, path, args...)
	p.run(t)
	return p
}

// startPiped is start, with a pipe to the program's standard input.
func startPiped(t testing.TB, dir string, env []string, path string, args ...string) (*program, io.WriteCloser) {
	t.Helper()
	p := prepare(dir, env, path, args...)
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.run(t)
	return p, in
}

func prepare(dir string, env []string, path string, args ...string) *program {
	p := &program{name: path, cmd: exec.Command(path, args...), out: &output{}, done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.SysProcAttr = ownGroup()
	p.cmd.WaitDelay = time.Second
	return p
}

func (p *program) run(t testing.TB) {
	t.Helper()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.err = p.cmd.Wait(); close(p.done) }()
	t.Cleanup(func() {
		p.kill()
		<-p.done
		if a, ok := t.(*attempt); ok && crashed(p.err) {
			a.crash(p.name)
		}
		if t.Failed() {
			t.Logf("output of %s:\n%s", p.name, p.out)
		}
	})
}

func (p *program) kill() {
	select {
	case <-p.done:
	default:
		killGroup(p.cmd.Process)
	}
}

// says waits until the program has printed a text.
func (p *program) says(ctx context.Context, text string) error {
	return p.shows(ctx, p.out.String, text)
}

// shows waits until what the program writes somewhere has a text.
func (p *program) shows(ctx context.Context, read func() string, text string) error {
	return p.until(ctx, text, func() bool { return strings.Contains(read(), text) })
}

// until waits until a condition holds; what names it for the error.
func (p *program) until(ctx context.Context, what string, holds func() bool) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-p.done:
			if holds() {
				return nil
			}
			return errors.Join(fmt.Errorf("%s ended before it said %q", p.name, what), p.err)
		case <-ctx.Done():
			return fmt.Errorf("%s has not said %q: %w", p.name, what, context.Cause(ctx))
		}
	}
	return nil
}

// Shows waits until what a phone writes has all the texts, one behind the other.
func Shows(t testing.TB, read func() string, texts ...string) {
	t.Helper()
	ctx := Within(t)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		all, missing := read(), ""
		for _, text := range texts {
			_, behind, ok := strings.Cut(all, text)
			if !ok {
				missing = text
				break
			}
			all = behind
		}
		if missing == "" {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("no %q was seen in\n%s", missing, read())
		}
	}
}
