package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// portOf is one address of the configuration.
type portOf struct{ Key, Network, Address string }

// running asks the configured address which node serves there; "" when none does.
func (p patient) running(ctx context.Context) string {
	if p.Running == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Running, nil)
	if err != nil {
		return ""
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer func() { _ = resp.Body.Close() }()
	name, err := io.ReadAll(io.LimitReader(resp.Body, 100))
	if id := strings.TrimSpace(string(name)); err == nil && resp.StatusCode == http.StatusOK && reNode.MatchString(id) {
		return id
	}
	return ""
}

// checkPort binds the address for a moment; running is the node that serves on this machine, which may be another one.
func (p patient) checkPort(at portOf, running string) finding {
	err := tryBind(at)
	where := fmt.Sprintf("%s %s/%s", at.Key, at.Address, at.Network)
	switch ours := running != "" && running == p.Node; {
	case err == nil && ours:
		return warn("restart the server if the address is new", "%s: free, though this sipward is running", where)
	case err == nil:
		return fine("%s: free", where)
	case errors.Is(err, syscall.EADDRINUSE) && ours:
		return fine("%s: in use by the running sipward", where)
	case errors.Is(err, syscall.EADDRINUSE) && running != "":
		return fail(fmt.Sprintf("stop that one, or change %s (a running server of this configuration would be another node)", at.Key),
			"%s: taken, and the sipward that runs here is the node %s", where, running)
	case errors.Is(err, syscall.EADDRINUSE):
		return fail(fmt.Sprintf("stop that program (ss -lnp shows it), or change %s", at.Key), "%s: taken by another program", where)
	case errors.Is(err, syscall.EACCES):
		return fail(fmt.Sprintf("set %s to a port above 1023, or grant CAP_NET_BIND_SERVICE", at.Key), "%s: not permitted", where)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fail(fmt.Sprintf("set %s to an address of this machine", at.Key), "%s: no such address here", where)
	}
	return fail("correct "+at.Key, "%s: %v", where, err)
}

func tryBind(p portOf) error {
	if p.Network == "udp" {
		c, err := net.ListenPacket("udp", p.Address)
		if err != nil {
			return err
		}
		return c.Close()
	}
	l, err := net.Listen("tcp", p.Address)
	if err != nil {
		return err
	}
	return l.Close()
}
