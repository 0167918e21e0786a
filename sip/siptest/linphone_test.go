package siptest_test

import (
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/phone"
	"sipward/sip/siptest"
)

func TestLinphoneAndOurPhoneHearEachOther(t *testing.T) {
	t.Parallel()
	certs := siptest.NewCertificates(t)
	for name, tt := range map[string]struct {
		transport string
		srtp      phone.SRTP
	}{
		"udp, RTP":  {"udp", phone.SRTPOff},
		"tls, SRTP": {"tls", phone.SRTPRequired},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ours := siptest.Phone(t, phone.Config{ // stands in for the registrar too
				User: "bob", Transport: tt.transport, Listen: "127.0.0.1:0", TLS: certs.Server, Tone: 1100, SRTP: tt.srtp,
				OnRequest: func(r *gosip.Request) *phone.Reply {
					if r.Method != gosip.REGISTER {
						return nil
					}
					return &phone.Reply{Code: 200, Fields: []string{"Contact: " + phone.Header(r, "Contact") + ";expires=600"}}
				},
			})
			theirs := siptest.Linphone(t, siptest.LinphoneConfig{
				User: "alice", Server: ours.Addr().String(), Transport: tt.transport, CAFile: certs.CAFile, Tone: 700,
				SRTP: tt.srtp == phone.SRTPRequired,
			})
			theirs.Dial("sip:bob@127.0.0.1")
			call, err := ours.Incoming(siptest.Within(t))
			if err != nil {
				t.Fatal(err)
			}
			if err := call.Answer(); err != nil {
				t.Fatal(err)
			}
			if err := call.Audio().Listen(siptest.Within(t), 1500*time.Millisecond); err != nil {
				t.Fatal(err)
			}
			theirs.Hangup()
			if err := call.Wait(siptest.Within(t)); err != nil {
				t.Fatal(err)
			}
			theirs.Quit()
			heard := call.Audio().Heard()
			if got := siptest.ToneShare(heard.PCM.At(8000).Int16(), 8000, 700); got < 0.9 {
				t.Errorf("we hear %.2f of linphone's tone, want at least 0.9", got)
			}
			if got := siptest.ToneShare(theirs.Heard(), 8000, 1100); got < 0.9 {
				t.Errorf("linphone hears %.2f of our tone, want at least 0.9", got)
			}
			if secure := heard.Suite != ""; secure != (tt.srtp == phone.SRTPRequired) {
				t.Errorf("SRTP suite %q", heard.Suite)
			}
		})
	}
}
