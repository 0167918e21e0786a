package phone_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"sipward/sip/phone"
)

func TestRegisterOverWebSocket(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		up := ws.HTTPUpgrader{Protocol: func(s string) bool { return s == "sip" }}
		conn, _, _, err := up.Upgrade(r, w)
		if err != nil {
			return
		}
		defer conn.Close()
		raw, _, err := wsutil.ReadClientData(conn)
		if err != nil {
			return
		}
		seen <- string(raw)
		_ = wsutil.WriteServerText(conn, okFor(string(raw)))
		_, _, _ = wsutil.ReadClientData(conn) // until the phone leaves
	}))
	t.Cleanup(server.Close)
	p := open(t, phone.Config{Server: server.Listener.Addr().String(), Transport: "wss", User: "alice", TLS: server.Client().Transport.(*http.Transport).TLSClientConfig})
	must(t, p.Register(within(t)))
	raw := <-seen
	for _, want := range []string{"Via: SIP/2.0/WSS sipward.invalid;", "transport=ws;ob>"} { // RFC 7118 section 5
		if !strings.Contains(raw, want) {
			t.Errorf("the REGISTER lacks %q:\n%s", want, raw)
		}
	}
	p.Close() // before the server, whose Close waits for its handlers
}

// okFor is a 200 with the headers that a response copies.
func okFor(req string) []byte {
	out := "SIP/2.0 200 OK\r\n"
	for line := range strings.SplitSeq(req, "\r\n") {
		switch name, _, _ := strings.Cut(line, ":"); name {
		case "Via", "From", "To", "Call-ID", "CSeq", "Contact":
			out += line + "\r\n"
		}
	}
	return []byte(out + "Content-Length: 0\r\n\r\n")
}
