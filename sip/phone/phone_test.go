package phone_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/phone"
)

// patience bounds every wait; it is never waited out in a passing test.
const patience = 10 * time.Second

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, c phone.Config) *phone.Phone {
	t.Helper()
	p, err := phone.New(c)
	must(t, err)
	t.Cleanup(p.Close)
	t.Cleanup(func() {
		if t.Failed() {
			for _, e := range p.Ladder().Entries() {
				t.Logf("%s\n%s", e, e.Raw)
			}
		}
	})
	return p
}

// pair is two phones that talk to each other without a server: bob listens, alice's server is bob.
func pair(t *testing.T, transport string, more func(alice, bob *phone.Config)) (alice, bob *phone.Phone) {
	t.Helper()
	server, client := selfSigned(t)
	b := phone.Config{Transport: transport, Listen: "127.0.0.1:0", User: "bob", Mute: true, TLS: server}
	a := phone.Config{Transport: transport, User: "alice", Mute: true, TLS: client}
	if more != nil {
		more(&a, &b)
	}
	bob = open(t, b)
	a.Server = bob.Addr().String()
	return open(t, a), bob
}

func selfSigned(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	must(t, err)
	leaf, err := x509.ParseCertificate(der)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: pool}
}

// answered is a call from alice to bob, answered.
func answered(t *testing.T, alice, bob *phone.Phone) (mine, theirs *phone.Call) {
	t.Helper()
	ctx := within(t)
	mine, err := alice.Call(ctx, "bob", phone.Options{})
	must(t, err)
	theirs, err = bob.Incoming(ctx)
	must(t, err)
	must(t, theirs.Ring())
	must(t, mine.Ringing(ctx))
	must(t, theirs.Answer())
	must(t, mine.Answered(ctx))
	return mine, theirs
}

func TestCallOverEveryTransport(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp", "tls"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			alice, bob := pair(t, transport, nil)
			ctx := within(t)
			mine, theirs := answered(t, alice, bob)
			must(t, theirs.Bye(ctx, `Q.850;cause=16;text="bye"`))
			must(t, mine.Wait(ctx))
			if r := mine.Result(); !r.ByPeer || !strings.Contains(r.Reason, "cause=16") {
				t.Errorf("result %+v, want an end by the peer with its reason", r)
			}
			if r := theirs.Result(); r.ByPeer || r.Err != nil {
				t.Errorf("result %+v, want an end by ourselves", r)
			}
		})
	}
}

func TestCallerHangsUp(t *testing.T) {
	t.Parallel()
	alice, bob := pair(t, "udp", nil)
	mine, theirs := answered(t, alice, bob)
	must(t, mine.Hangup(within(t)))
	must(t, theirs.Wait(within(t)))
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		refuse func(*phone.Call)
		want   string
	}{
		"busy":    {(*phone.Call).Busy, "call refused: 486 Busy Here"},
		"decline": {(*phone.Call).Decline, "call refused: 603 Decline"},
		"reason": {func(c *phone.Call) { c.Reject(403, "Forbidden", `Reason: Q.850;cause=21;text="account disabled"`) },
			`call refused: 403 Forbidden (Q.850;cause=21;text="account disabled")`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alice, bob := pair(t, "udp", nil)
			mine, err := alice.Call(within(t), "bob", phone.Options{})
			must(t, err)
			theirs, err := bob.Incoming(within(t))
			must(t, err)
			tt.refuse(theirs)
			if err := mine.Answered(within(t)); err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

func TestCancelEndsBothSides(t *testing.T) {
	t.Parallel()
	alice, bob := pair(t, "tcp", nil)
	mine, err := alice.Call(within(t), "bob", phone.Options{})
	must(t, err)
	theirs, err := bob.Incoming(within(t))
	must(t, err)
	must(t, theirs.Ring())
	must(t, mine.Cancel(within(t)))
	if got := mine.Result().Code; got != 487 {
		t.Errorf("our side ended with %d, want 487", got)
	}
	if err := theirs.Wait(within(t)); err != phone.ErrCancelled {
		t.Errorf("their side ended with %v, want %v", err, phone.ErrCancelled)
	}
}

// A Cancel that is asked for while the INVITE is challenged cancels the one that answers the challenge.
func TestCancelWaitsForTheInviteThatAnswersAChallenge(t *testing.T) {
	t.Parallel()
	var invites atomic.Int64
	alice, bob := pair(t, "tcp", func(a, b *phone.Config) {
		a.Password = "secret"
		b.OnRequest = func(r *gosip.Request) *phone.Reply {
			switch {
			case r.Method != gosip.INVITE:
			case invites.Add(1) == 1:
				return challenge()
			default:
				<-time.After(20 * time.Millisecond) // a CANCEL that does not wait for our 100 is faster
			}
			return nil
		}
	})
	mine, err := alice.Call(within(t), "bob", phone.Options{})
	must(t, err)
	ctx, cancelled := within(t), make(chan error, 1)
	go func() { cancelled <- mine.Cancel(ctx) }()
	theirs, err := bob.Incoming(within(t))
	must(t, err)
	must(t, <-cancelled)
	if err := theirs.Wait(within(t)); err != phone.ErrCancelled {
		t.Errorf("their side ended with %v, want %v", err, phone.ErrCancelled)
	}
	tried := false
	for _, e := range alice.Ladder().Entries() {
		tried = tried || strings.HasPrefix(string(e.Raw), "SIP/2.0 100")
		if strings.HasPrefix(string(e.Raw), "CANCEL ") && !tried {
			t.Error("the CANCEL went before the INVITE had any response but the challenge")
		}
	}
}

func TestReliableProvisionalIsAcknowledged(t *testing.T) {
	t.Parallel()
	alice, bob := pair(t, "udp", nil)
	mine, err := alice.Call(within(t), "bob", phone.Options{})
	must(t, err)
	theirs, err := bob.Incoming(within(t))
	must(t, err)
	must(t, theirs.Progress())
	must(t, mine.Early(within(t)))
	_, err = bob.Ladder().Expect(within(t), func(e phone.Entry) bool { return !e.Out && strings.HasPrefix(e.First(), "PRACK ") })
	must(t, err)
	must(t, theirs.Answer())
	must(t, mine.Answered(within(t)))
	must(t, mine.Bye(within(t)))
}

func TestCallWithoutOffer(t *testing.T) {
	t.Parallel()
	alice, bob := pair(t, "udp", nil)
	mine, err := alice.Call(within(t), "bob", phone.Options{NoSDP: true})
	must(t, err)
	theirs, err := bob.Incoming(within(t))
	must(t, err)
	must(t, theirs.Answer())
	must(t, mine.Answered(within(t)))
	must(t, theirs.Early(within(t))) // our answer came in the ACK
	must(t, theirs.Bye(within(t)))
}

func TestHoldAndResume(t *testing.T) {
	t.Parallel()
	alice, bob := pair(t, "tls", nil)
	mine, theirs := answered(t, alice, bob)
	must(t, mine.Hold(within(t)))
	must(t, mine.Resume(within(t)))
	must(t, theirs.Hold(within(t)))
	must(t, theirs.Update(within(t)))
	must(t, mine.Bye(within(t)))
	directions := ""
	for _, e := range alice.Ladder().Entries() {
		for _, d := range []string{"sendonly", "recvonly", "inactive"} {
			if strings.Contains(string(e.Raw), "a="+d) {
				directions += d + " "
			}
		}
	}
	if want := "sendonly recvonly sendonly recvonly sendonly recvonly "; directions != want {
		t.Errorf("directions on the wire: %s, want %s", directions, want)
	}
}

func TestMessageAndOptions(t *testing.T) {
	t.Parallel()
	alice, bob := pair(t, "udp", nil)
	must(t, alice.Message(within(t), "bob", "text/plain", []byte("hello")))
	m, err := bob.Inbox(within(t))
	must(t, err)
	if string(m.Body) != "hello" || m.Kind != "text/plain" {
		t.Errorf("got %q of kind %q", m.Body, m.Kind)
	}
	r, err := alice.Options(within(t), "bob")
	must(t, err)
	if r.StatusCode != 200 || !strings.Contains(phone.Header(r, "Allow"), "PRACK") {
		t.Errorf("OPTIONS got %d with Allow %q", r.StatusCode, phone.Header(r, "Allow"))
	}
}

func TestBlindTransfer(t *testing.T) {
	t.Parallel()
	alice, bob := pair(t, "tcp", nil)
	mine, theirs := answered(t, alice, bob)
	moved := make(chan error, 1)
	ctx := within(t)
	go func() { moved <- theirs.Refer(ctx, "sip:carol@127.0.0.1") }()
	next, err := bob.Incoming(ctx) // alice's server is bob, so carol's call comes here too
	must(t, err)
	if by := phone.Header(next.Invite(), "Referred-By"); !strings.Contains(by, "bob") {
		t.Errorf("Referred-By %q does not name bob", by)
	}
	must(t, next.Answer())
	must(t, <-moved)
	call, err := mine.Transferred(ctx)
	must(t, err)
	must(t, call.Bye(ctx))
	must(t, mine.Bye(ctx))
}

func TestLostPacketsAreSentAgain(t *testing.T) {
	t.Parallel()
	alice, bob := pair(t, "udp", func(a, b *phone.Config) { a.T1, b.T1 = 20*time.Millisecond, 20*time.Millisecond })
	mine, err := alice.Call(within(t), "bob", phone.Options{})
	must(t, err)
	theirs, err := bob.Incoming(within(t))
	must(t, err)
	must(t, theirs.Answer())
	must(t, mine.Answered(within(t)))
	ok, err := bob.Ladder().Expect(within(t), func(e phone.Entry) bool { return e.Out && e.First() == "SIP/2.0 200 OK" })
	must(t, err)
	acks := func(n int) func(phone.Entry) bool {
		return func(e phone.Entry) bool {
			if !e.Out && strings.HasPrefix(e.First(), "ACK ") {
				n--
			}
			return n == 0
		}
	}
	_, err = bob.Ladder().Expect(within(t), acks(1))
	must(t, err)
	must(t, bob.Replay(alice.Local(), ok.Raw)) // the same 200 again, as if the ACK had been lost
	_, err = bob.Ladder().Expect(within(t), acks(2))
	must(t, err)
	must(t, mine.Bye(within(t)))
}

func TestNoAnswerIsOneClearLine(t *testing.T) {
	t.Parallel()
	deaf, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	defer deaf.Close()
	p := open(t, phone.Config{Server: deaf.LocalAddr().String(), User: "alice", T1: time.Millisecond})
	err = p.Register(within(t))
	if err == nil || !strings.HasPrefix(err.Error(), "no answer to REGISTER from 127.0.0.1:") {
		t.Errorf("error %v", err)
	}
}

func TestConfigFaultsAreReportedTogether(t *testing.T) {
	t.Parallel()
	_, err := phone.New(phone.Config{Server: "nowhere", Transport: "sctp", SRTP: "perhaps", User: "a\r\nb"})
	for _, want := range []string{"host:port", "sctp", "perhaps", "line ends"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name %s", err, want)
		}
	}
}
