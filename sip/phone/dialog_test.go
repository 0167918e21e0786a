package phone_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/phone"
	"sipward/sip/siptest"
)

const someSDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"

// answering is a bob that answers every INVITE with 200 and those fields, and all else with 200.
func answering(t *testing.T, fields ...string) (alice, bob *phone.Phone) {
	t.Helper()
	return pair(t, "udp", func(_, b *phone.Config) {
		b.OnRequest = func(r *gosip.Request) *phone.Reply {
			if r.Method != gosip.INVITE {
				return &phone.Reply{Code: 200}
			}
			return &phone.Reply{Code: 200, Fields: append(fields, "Contact: <sip:bob@10.1.2.3:5070;x=y>", "Content-Type: application/sdp"), SDP: nil}
		}
	})
}

func received(t *testing.T, p *phone.Phone, method string) string {
	t.Helper()
	e, err := p.Ladder().Expect(within(t), func(e phone.Entry) bool { return !e.Out && strings.HasPrefix(e.First(), method+" ") })
	must(t, err)
	return string(e.Raw)
}

func TestRoutesOfADialog(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		recorded []string
		uri      string
		routes   []string
	}{
		"none":  {nil, "sip:bob@10.1.2.3:5070;x=y", nil},
		"loose": {[]string{"Record-Route: <sip:b@p2;lr>, <sip:a@p1;lr;k=1>"}, "sip:bob@10.1.2.3:5070;x=y", []string{"<sip:a@p1;lr;k=1>", "<sip:b@p2;lr>"}},
		"strict": {[]string{"Record-Route: <sip:p2;lr>", "Record-Route: <sip:p1;transport=udp>"}, "sip:p1;transport=udp",
			[]string{"<sip:p2;lr>", "<sip:bob@10.1.2.3:5070;x=y>"}}, // RFC 3261 section 12.2.1.1
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alice, bob := answering(t, tt.recorded...)
			call, err := alice.Call(within(t), "bob", phone.Options{SDP: []byte(someSDP)})
			must(t, err)
			must(t, call.Answered(within(t)))
			must(t, call.Bye(within(t)))
			for _, method := range []string{"ACK", "BYE"} {
				raw := received(t, bob, method)
				if first, _, _ := strings.Cut(raw, "\r\n"); first != method+" "+tt.uri+" SIP/2.0" {
					t.Errorf("%s, want the URI %s", first, tt.uri)
				}
				var routes []string
				for line := range strings.SplitSeq(raw, "\r\n") {
					if v, ok := strings.CutPrefix(line, "Route: "); ok {
						routes = append(routes, v)
					}
				}
				if !slices.Equal(routes, tt.routes) {
					t.Errorf("%s has the routes %q, want %q", method, routes, tt.routes)
				}
			}
		})
	}
}

func TestSecondAnswerOfAForkIsHungUp(t *testing.T) {
	t.Parallel()
	alice, bob := answering(t)
	call, err := alice.Call(within(t), "bob", phone.Options{SDP: []byte(someSDP)})
	must(t, err)
	must(t, call.Answered(within(t)))
	ok, err := bob.Ladder().Expect(within(t), func(e phone.Entry) bool { return e.Out && e.First() == "SIP/2.0 200 OK" })
	must(t, err)
	tag := phoneTag(t, ok.Raw)
	must(t, bob.Replay(alice.Local(), bytes.ReplaceAll(ok.Raw, []byte(tag), []byte("another"))))
	if bye := received(t, bob, "BYE"); !strings.Contains(bye, "tag=another") {
		t.Errorf("the BYE is not for the second branch:\n%s", bye)
	}
	if call.Result() != (phone.Result{}) {
		t.Errorf("the first branch ended too: %+v", call.Result())
	}
	must(t, call.Bye(within(t)))
}

func phoneTag(t *testing.T, raw []byte) string {
	t.Helper()
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		if v, ok := strings.CutPrefix(line, "To: "); ok {
			_, tag, _ := strings.Cut(v, ";tag=")
			return tag
		}
	}
	t.Fatal("no To")
	return ""
}

func TestAnswerWithoutACKEndsInBye(t *testing.T) {
	t.Parallel()
	bob := open(t, phone.Config{User: "bob", Listen: "127.0.0.1:0", Mute: true, T1: 5 * time.Millisecond})
	w := siptest.Dial(t, "udp", bob.Addr().String(), nil)
	w.Send(siptest.Lines(`
INVITE sip:bob@127.0.0.1 SIP/2.0
Via: SIP/2.0/UDP ` + w.Local() + `;branch={branch};rport
From: <sip:probe@127.0.0.1>;tag=1
To: <sip:bob@127.0.0.1>
Call-ID: {call}
CSeq: 1 INVITE
Contact: <sip:probe@` + w.Local() + `>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: {length}

` + someSDP))
	call, err := bob.Incoming(within(t))
	must(t, err)
	must(t, call.Answer())
	for {
		raw, err := w.Read(patience)
		must(t, err)
		if bytes.HasPrefix(raw, []byte("BYE sip:probe@"+w.Local()+" ")) {
			return
		}
	}
}
