package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"sipward/media"
	"sipward/media/relay"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// serveRelay is the relay's process: a line "a b" on in, two addresses, opens a call, and its ports come back on out.
func serveRelay(ctx context.Context, in io.Reader, out io.Writer) error {
	ports, err := media.NewPorts(loopback, 20000, 39999)
	if err != nil {
		return err
	}
	defer ports.Close()
	r, err := relay.New(relay.Config{}, relay.Deps{Ports: ports, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer r.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	for lines := bufio.NewScanner(in); lines.Scan(); {
		a, b, _ := strings.Cut(lines.Text(), " ")
		toA, toB, err := openCall(r, a, b)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, toA, toB)
	}
	stop()
	return <-ended
}

// openCall has both descriptions pass; the port that B is told is in what A's description became, and the other way round.
func openCall(r *relay.Relay, a, b string) (toA, toB int, err error) {
	c, err := r.Open(nil, relay.Terms{})
	if err != nil {
		return 0, 0, err
	}
	if toB, err = told(c, relay.Caller, a); err == nil {
		toA, err = told(c, relay.Callee, b)
	}
	return toA, toB, err
}

func told(c *relay.Call, from relay.Side, at string) (int, error) {
	out, err := c.Pass(relay.Origin{Side: from, Host: loopback}, loopback, []byte(describe(at)))
	if err != nil {
		return 0, err
	}
	return portOf(string(out))
}

func describe(at string) string {
	addr := netip.MustParseAddrPort(at)
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 0\r\na=sendrecv\r\n", addr.Addr(), addr.Addr(), addr.Port())
}

func portOf(sdp string) (int, error) {
	_, rest, _ := strings.Cut(sdp, "m=audio ")
	port, _, _ := strings.Cut(rest, " ")
	return strconv.Atoi(port)
}

// ours is sipward's relay in a process of its own.
type ours struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startOurs(ctx context.Context, pin string) (target, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	o := &ours{cmd: pinned(ctx, pin, self, "-serve")}
	if o.in, err = o.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := o.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	o.out = bufio.NewReader(out)
	o.cmd.Stderr = os.Stderr
	o.cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	return o, o.cmd.Start()
}

func pinned(ctx context.Context, pin, program string, args ...string) *exec.Cmd {
	if pin == "" {
		return exec.CommandContext(ctx, program, args...)
	}
	return exec.CommandContext(ctx, "taskset", append([]string{"-c", pin, program}, args...)...)
}

func (o *ours) open(_ int, a, b string) (toA, toB int, err error) {
	if _, err := fmt.Fprintln(o.in, a, b); err != nil {
		return 0, 0, err
	}
	_, err = fmt.Fscanln(o.out, &toA, &toB)
	return toA, toB, err
}

func (o *ours) pid() int { return o.cmd.Process.Pid }

func (o *ours) close() {
	_ = o.in.Close()
	_ = o.cmd.Wait()
}
