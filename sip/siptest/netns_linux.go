package siptest

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Namespace is a network namespace of a test's own, with its loopback up. It goes with the test.
type Namespace struct {
	Name string
	t    testing.TB
}

// NewNamespace makes a namespace. Who may not (it takes root) skips the test.
func NewNamespace(t testing.TB) *Namespace {
	t.Helper()
	need(t, "ip")
	if os.Geteuid() != 0 {
		t.Skip("network namespaces take root")
	}
	n := &Namespace{Name: "sipward-" + strings.ToLower(rand.Text()[:12]), t: t}
	run(t, "ip", "netns", "add", n.Name)
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "delete", n.Name).Run() }) // it may be gone with its last process
	n.Run("ip", "link", "set", "lo", "up")
	return n
}

// Connect links two namespaces by a pair of interfaces with these addresses, such as 192.0.2.1/24, and returns the
// interfaces' names.
func (n *Namespace) Connect(other *Namespace, ours, theirs string) (here, there string) {
	n.t.Helper()
	id := strings.ToLower(rand.Text()[:10])
	here, there = "a"+id, "b"+id
	run(n.t, "ip", "link", "add", here, "netns", n.Name, "type", "veth", "peer", "name", there, "netns", other.Name)
	for _, end := range []struct {
		n             *Namespace
		name, address string
	}{{n, here, ours}, {other, there, theirs}} {
		end.n.Run("ip", "address", "add", end.address, "dev", end.name)
		end.n.Run("ip", "link", "set", end.name, "up")
	}
	return here, there
}

// Run runs a program inside and returns what it printed.
func (n *Namespace) Run(program string, args ...string) string {
	n.t.Helper()
	return run(n.t, "ip", append([]string{"netns", "exec", n.Name, program}, args...)...)
}

// Rules loads a ruleset of nftables inside.
func (n *Namespace) Rules(ruleset string) {
	n.t.Helper()
	need(n.t, "nft")
	cmd := exec.Command("ip", "netns", "exec", n.Name, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(ruleset)
	if out, err := cmd.CombinedOutput(); err != nil {
		n.t.Fatalf("nft: %v\n%s", err, out)
	}
}

// Do runs f on a thread inside: the sockets that f itself makes, not its goroutines, are of the namespace and stay so.
func (n *Namespace) Do(f func()) {
	n.t.Helper()
	done := make(chan error)
	go func() { done <- n.inside(f) }()
	if err := <-done; err != nil {
		n.t.Fatal(err)
	}
}

func (n *Namespace) inside(f func()) error {
	runtime.LockOSThread() // for ever: the thread ends with its goroutine, and nobody else gets it
	file, err := os.Open("/run/netns/" + n.Name)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter namespace %s: %w", n.Name, err)
	}
	f()
	return nil
}

// Dial connects by TCP to an address inside; without a namespace, in the test's own network.
func (n *Namespace) Dial(address string) (conn net.Conn, err error) {
	if n == nil {
		return net.DialTimeout("tcp", address, Patience)
	}
	n.Do(func() { conn, err = net.DialTimeout("tcp", address, Patience) })
	return conn, err
}

func run(t testing.TB, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}
