package kvtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Server is one process of redis-server or redis-sentinel.
type Server struct {
	Addr string // host:port
	Dir  string // its files

	t       testing.TB
	binary  string
	args    []string
	process *exec.Cmd
	exited  chan struct{}
}

// URL is the server's redis.url.
func (s *Server) URL() string { return "redis://" + s.Addr }

// Do sends one command to the server; an error fails the test.
func (s *Server) Do(args ...string) string {
	s.t.Helper()
	out, err := Do(s.Addr, args...)
	if err != nil {
		s.t.Fatalf("%s %v: %v", s.Addr, args, err)
	}
	return out
}

// Kill ends the process at once (SIGKILL).
func (s *Server) Kill() {
	_ = s.process.Process.Kill() // it may have ended
	<-s.exited
}

// Start starts the process again after Kill, on the same port and with the same files.
func (s *Server) Start() {
	s.t.Helper()
	if err := s.launch(); err != nil {
		s.t.Fatal(err)
	}
}

// Redis starts one redis-server; more arguments are options: "--maxmemory", "1mb".
func Redis(t testing.TB, options ...string) *Server {
	t.Helper()
	return start(t, "redis-server", func(port string) []string {
		return append([]string{"--port", port, "--save", "", "--appendonly", "no"}, options...)
	})
}

// require finds a binary, or skips the test; SIPWARD_REQUIRE_REDIS=1 makes that a failure.
func require(t testing.TB, binary string) string {
	t.Helper()
	path, err := exec.LookPath(binary)
	if err == nil {
		return path
	}
	if os.Getenv("SIPWARD_REQUIRE_REDIS") == "1" {
		t.Fatalf("%s is not installed, and SIPWARD_REQUIRE_REDIS is 1: apt-get install redis-server redis-sentinel", binary)
	}
	t.Skipf("%s is not installed: apt-get install redis-server redis-sentinel", binary)
	return ""
}

// start tries a few ports, for another process may take a free one first.
func start(t testing.TB, binary string, args func(port string) []string) *Server {
	t.Helper()
	path := require(t, binary)
	var last error
	for range 5 {
		port := freePort(t)
		s := &Server{Addr: net.JoinHostPort("127.0.0.1", port), Dir: t.TempDir(), t: t, binary: path, args: args(port)}
		if last = s.launch(); last == nil {
			t.Cleanup(s.Kill)
			return s
		}
	}
	t.Fatalf("%s does not start: %v", binary, last)
	return nil
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// startLimit is how long a server may take until it answers.
const startLimit = 10 * time.Second

func (s *Server) launch() error {
	logFile := filepath.Join(s.Dir, "log")
	s.process = exec.Command(s.binary, append(append([]string{}, s.args...), "--bind", "127.0.0.1", "--dir", s.Dir, "--logfile", logFile)...)
	if s.args[0] != "--port" { // sentinel: its file says all
		s.process = exec.Command(s.binary, s.args...)
	}
	if err := s.process.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	s.exited = exited
	go func(p *exec.Cmd) {
		_ = p.Wait() // killed on purpose
		close(exited)
	}(s.process)
	if Until(startLimit, func() bool {
		select {
		case <-exited:
			return true
		default:
		}
		_, err := Do(s.Addr, "PING")
		return err == nil || strings.HasPrefix(err.Error(), "NOAUTH")
	}) {
		select {
		case <-exited:
		default:
			return nil
		}
	}
	s.Kill()
	text, _ := os.ReadFile(logFile)
	return fmt.Errorf("%s %s: %s", s.binary, strings.Join(s.args, " "), text)
}

// Until polls until ok, at most limit, and tells whether it was.
func Until(limit time.Duration, ok func() bool) bool {
	over := time.After(limit)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok() {
			return true
		}
		select {
		case <-tick.C:
		case <-over:
			return false
		}
	}
}

// RedisTLS starts a redis-server that also speaks TLS, and gives the redis.url of that: its certificate is for localhost,
// by a CA of its own, and it asks for none.
func RedisTLS(t testing.TB) (url string) {
	t.Helper()
	dir := t.TempDir()
	ca, cert, key := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := writeCertificate(ca, cert, key); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	Redis(t, "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", ca, "--tls-auth-clients", "no")
	return "rediss://localhost:" + port + "?ca=" + ca
}
