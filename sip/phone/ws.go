package phone

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// adoptWS upgrades a connection to SIP over WebSocket (RFC 7118): one message per frame.
func (p *Phone) adoptWS(ctx context.Context, conn net.Conn) (*flow, error) {
	stop := context.AfterFunc(ctx, func() { conn.Close() }) // Upgrade has no context of its own
	d := ws.Dialer{Protocols: []string{"sip"}}
	br, hs, err := d.Upgrade(conn, p.wsURL())
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err == nil && hs.Protocol != "sip" {
		err = fmt.Errorf("the server did not accept the WebSocket subprotocol %q", "sip")
	}
	if err == nil && br != nil && br.Buffered() > 0 {
		err = fmt.Errorf("the server sent %d bytes before it was asked", br.Buffered())
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("WebSocket upgrade: %w", err)
	}
	f := connFlow(conn, "WSS")
	var mu sync.Mutex
	f.send = func(b []byte) error {
		mu.Lock()
		defer mu.Unlock()
		_ = conn.SetWriteDeadline(time.Now().Add(writeWait))
		return wsutil.WriteClientText(conn, b)
	}
	p.read(f, func() { p.readWS(f, conn) })
	return f, nil
}

func (p *Phone) readWS(f *flow, conn net.Conn) {
	for {
		raw, _, err := wsutil.ReadServerData(conn) // answers pings by itself
		if err != nil {
			f.fail(err)
			return
		}
		if len(raw) > 4 {
			p.receive(f, raw)
		}
	}
}

func (p *Phone) wsURL() *url.URL { return &url.URL{Scheme: "wss", Host: p.cfg.Server, Path: "/"} }
