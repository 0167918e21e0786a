package siptest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// SippConfig describes a run of sipp. The scenario says who it is; with a Server it goes there, else it waits for calls.
type SippConfig struct {
	Scenario string // XML file
	Server   string // host:port; empty: a scenario that waits
	TCP      bool   // sipp in Debian has no TLS: see Tunnel
	User     string // [service], the user part called
	Auth     string // user:password for [authentication]
	Calls    int    // 0: 1
	Port     int    // where it is bound; 0: any free port
	Rate     int    // new calls per second; 0: 10
	Args     []string
}

// SippRun is a sipp that runs or has run.
type SippRun struct {
	Addr string // where it is bound
	t    testing.TB
	dir  string
	proc *program
}

// Sipp starts a scenario.
func Sipp(t testing.TB, c SippConfig) *SippRun {
	t.Helper()
	path := need(t, "sipp")
	scenario, err := filepath.Abs(c.Scenario)
	if err != nil {
		t.Fatal(err)
	}
	rate := c.Rate
	if rate == 0 {
		rate = 10
	}
	if c.Port == 0 {
		c.Port = freePorts(t, 2)
	}
	port := strconv.Itoa(c.Port)
	r := &SippRun{t: t, dir: t.TempDir(), Addr: "127.0.0.1:" + port}
	args := []string{"-sf", scenario, "-i", "127.0.0.1", "-p", port, "-m", strconv.Itoa(max(c.Calls, 1)), "-nostdin",
		"-r", strconv.Itoa(rate), "-timeout", strconv.Itoa(int(Patience.Seconds())), "-timeout_error",
		"-trace_err", "-error_file", filepath.Join(r.dir, "errors"), "-trace_msg", "-message_file", filepath.Join(r.dir, "messages")}
	if c.TCP {
		args = append(args, "-t", "t1")
	}
	if c.User != "" {
		args = append(args, "-s", c.User)
	}
	if user, password, ok := strings.Cut(c.Auth, ":"); ok {
		args = append(args, "-au", user, "-ap", password)
	}
	args = append(args, c.Args...)
	if c.Server != "" {
		args = append(args, c.Server)
	}
	r.proc = start(t, r.dir, nil, path, args...)
	return r
}

// Wait waits for sipp's end and returns nil if every call went as the scenario says.
func (r *SippRun) Wait(ctx context.Context) error {
	select {
	case <-r.proc.done:
		return r.proc.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Succeed waits for sipp's end and fails the test, with sipp's errors and messages, unless every call went well.
func (r *SippRun) Succeed() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*Patience+time.Second)
	defer cancel()
	if err := r.Wait(ctx); err != nil {
		r.t.Errorf("sipp: %v\n%s\n%s", err, r.read("errors"), r.read("messages"))
	}
}

func (r *SippRun) read(name string) string {
	b, _ := os.ReadFile(filepath.Join(r.dir, name)) // none: nothing was written
	return string(b)
}

// Bound waits until sipp listens, so that nothing sent to it is lost. It asks the system: to try the port itself could
// take it from sipp in the moment in which sipp binds it.
func (r *SippRun) Bound() {
	r.t.Helper()
	unconnected := fmt.Sprintf(":%04X 00000000:0000 ", netip.MustParseAddrPort(r.Addr).Port()) // local port, no peer: proc_net_udp(5)
	err := r.proc.until(Within(r.t), "its port", func() bool {
		sockets, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/udp", r.proc.cmd.Process.Pid)) // its own: tests make network namespaces
		return err == nil && bytes.Contains(sockets, []byte(unconnected))
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// FreePort is a port of loopback that is free for UDP and TCP at this moment.
func FreePort(t testing.TB) int { return freePorts(t, 2) }

// UDPPort is a port of loopback for programs that bind it by UDP one after another. Its TCP side is kept until the
// test's end, by which other tests see that it is taken also while none of the programs runs.
func UDPPort(t testing.TB) int {
	t.Helper()
	for {
		port := FreePort(t)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			t.Cleanup(func() { _ = l.Close() })
			return port
		}
	}
}
