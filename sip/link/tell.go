package link

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"sipward/sip/incident"
	"sipward/sip/transport"
)

// tell tells of a link that was refused, whoever dialled it. Who connects and says nothing is a balancer that looks after the port; what ends
// with us was not refused.
func (l *Links) tell(ctx context.Context, raw net.Conn, err error) {
	a, ok := raw.RemoteAddr().(*net.TCPAddr)
	if l.deps.Told == nil || !ok || ctx.Err() != nil || silent(err) {
		return
	}
	l.deps.Told(incident.Incident{Kind: incident.Link, Source: a.AddrPort().Addr(), Network: string(transport.TLS), Detail: err.Error()})
}

func silent(err error) bool {
	for _, e := range []error{io.EOF, os.ErrDeadlineExceeded, context.DeadlineExceeded, syscall.ECONNRESET} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
