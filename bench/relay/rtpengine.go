package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"
)

// rtpengine is rtpengine without its kernel module, with one forwarding thread.
type rtpengine struct {
	cmd *exec.Cmd
	ng  net.Conn
	dir string
	n   int
}

func startRTPEngine(ctx context.Context, pin string) (target, error) {
	const control = "127.0.0.1:22333"
	dir, err := os.MkdirTemp("", "rtpengine")
	if err != nil {
		return nil, err
	}
	e := &rtpengine{dir: dir}
	e.cmd = pinned(ctx, pin, "rtpengine", "--config-file=none", "--table=-1", "--interface=127.0.0.1", "--listen-ng="+control, "--port-min=40000", "--port-max=59999",
		"--num-threads=1", "--foreground", "--log-stderr", "--log-level=3", "--pidfile="+dir+"/pid")
	if err := e.cmd.Start(); err != nil {
		return nil, err
	}
	if e.ng, err = net.Dial("udp", control); err != nil { //nolint:noctx // UDP connects without waiting
		_ = e.cmd.Process.Kill()
		return nil, err
	}
	for range 100 {
		if _, err = e.ask(map[string]string{"command": "ping"}); err == nil {
			return e, nil
		}
		<-time.After(50 * time.Millisecond)
	}
	e.close()
	return nil, fmt.Errorf("it does not answer: %w", err)
}

// ask sends one command of the NG protocol, a bencoded dictionary behind a cookie, and returns the answer's text.
func (e *rtpengine) ask(fields map[string]string) (string, error) {
	e.n++
	var b strings.Builder
	fmt.Fprintf(&b, "%d d", e.n)
	for _, k := range []string{"ICE", "call-id", "command", "from-tag", "sdp", "to-tag"} { // sorted
		if v, ok := fields[k]; ok {
			fmt.Fprintf(&b, "%d:%s%d:%s", len(k), k, len(v), v)
		}
	}
	b.WriteString("e")
	if _, err := e.ng.Write([]byte(b.String())); err != nil {
		return "", err
	}
	buf := make([]byte, 65536)
	_ = e.ng.SetReadDeadline(time.Now().Add(2 * time.Second))
	for {
		n, err := e.ng.Read(buf)
		if answer, ok := strings.CutPrefix(string(buf[:n]), fmt.Sprint(e.n, " ")); ok || err != nil { // else it is late
			return answer, err
		}
	}
}

// open tries a call anew that rtpengine has lost between offer and answer, which happens while it is busy.
func (e *rtpengine) open(call int, a, b string) (toA, toB int, err error) {
	for try := range 5 {
		if toA, toB, err = e.try(fmt.Sprint("bench-", call, "-", try), a, b); err == nil {
			break
		}
	}
	return toA, toB, err
}

func (e *rtpengine) try(id, a, b string) (toA, toB int, err error) {
	offer, err := e.ask(map[string]string{"command": "offer", "call-id": id, "from-tag": "a", "sdp": describe(a), "ICE": "remove"})
	if err != nil {
		return 0, 0, err
	}
	if toB, err = portOf(offer); err != nil {
		return 0, 0, fmt.Errorf("offer: %.200q", offer)
	}
	answer, err := e.ask(map[string]string{"command": "answer", "call-id": id, "from-tag": "a", "to-tag": "b", "sdp": describe(b), "ICE": "remove"})
	if err != nil {
		return 0, 0, err
	}
	if toA, err = portOf(answer); err != nil {
		err = fmt.Errorf("answer: %.200q", answer)
	}
	return toA, toB, err
}

func (e *rtpengine) pid() int { return e.cmd.Process.Pid }

func (e *rtpengine) close() {
	_ = e.cmd.Process.Kill()
	_ = e.cmd.Wait()
	_ = e.ng.Close()
	_ = os.RemoveAll(e.dir)
}
