package sip_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/call"
	"sipward/internal/store/storetest"
	"sipward/media"
	"sipward/sip"
	"sipward/sip/announce"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// hearing is a phone with sound.
func hearing(srtp phone.SRTP) tune {
	return func(c *phone.Config) { c.Mute, c.SRTP = false, srtp }
}

func inMode(m announce.Mode) change {
	return func(c *sip.Config, _ *sip.Deps) { c.Mode = func(account.Kind, string) announce.Mode { return m } }
}

// heardTone checks that the 200 ms clip was heard whole.
func heardTone(t *testing.T, c *phone.Call) {
	t.Helper()
	ref := toneAt(200 * time.Millisecond)
	heard := c.Audio().Heard()
	if got := media.Correlation(ref, heard.PCM); got < 0.9 {
		t.Errorf("the clip is heard with likeness %.2f / limit 0.90 (%d packets, %s)", got, heard.Packets, heard.Codec)
	}
}

func TestAnnouncement(t *testing.T) {
	t.Parallel()
	for _, mode := range []announce.Mode{announce.Early, announce.Answer} {
		for _, c := range []struct {
			network string
			srtp    phone.SRTP
			noPRACK bool
			noSDP   bool
		}{
			{"udp", phone.SRTPOff, false, false},
			{"udp", phone.SRTPOff, true, false},
			{"tls", phone.SRTPRequired, false, false},
			{"tls", phone.SRTPOptional, true, false},
			{"udp", phone.SRTPOff, false, true}, // our offer: in the reliable 183, or in the 200
		} {
			t.Run(fmt.Sprintf("%s %s %s pracks=%v offers=%v", mode, c.network, c.srtp, !c.noPRACK, !c.noSDP), func(t *testing.T) {
				t.Parallel()
				r := serve(t, inMode(mode))
				l := r.line(t, "1001", storetest.Disabled())
				p := l.phone(t, over(c.network), hearing(c.srtp), func(pc *phone.Config) { pc.NoPRACK, pc.Linger = c.noPRACK, 100*time.Millisecond })
				ours := dial(t, p, "1002", phone.Options{NoSDP: c.noSDP})
				want, reason := 403, `Q.850;cause=21;text="account disabled"`
				if mode == announce.Answer {
					want = 200
				}
				if res := ended(t, ours, want); res.Reason != reason {
					t.Errorf("the end is told by %q", res.Reason)
				}
				heardTone(t, ours)
				if got := r.record(t, 0); got.Disposition != call.Announced || got.Code != want || got.Reason != string(media.AccountDisabled) {
					t.Errorf("record %+v", got)
				}
				eventually(t, "the port is free again", func() bool { return r.ports.Leased() == 0 })
			})
		}
	}
}

// RFC 3262 section 5: without a reliable 183 there is nothing to carry our offer.
func TestEarlyModeWithoutOfferOr100rel(t *testing.T) {
	t.Parallel()
	r := serve(t)
	p := r.line(t, "1001", storetest.Disabled()).phone(t, func(c *phone.Config) { c.NoPRACK = true })
	ended(t, dial(t, p, "1002", phone.Options{NoSDP: true}), 403)
	if received(p, "SIP/2.0 183") > 0 {
		t.Error("a 183 came")
	}
}

func TestCalleesClip(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice := r.line(t, "1001").registered(t, hearing(phone.SRTPRequired))
	r.line(t, "1002", storetest.Disabled())
	ours := dial(t, alice, "1002")
	ended(t, ours, 480)
	heardTone(t, ours)
	if got := r.record(t, 0); got.Reason != string(media.CalleeDisabled) {
		t.Errorf("the clip was %q", got.Reason)
	}
}

// long makes the clip of a disabled account last.
func (r *rig) long() { r.clips.Set(media.AccountDisabled, "en", tone(20*time.Second)) }

// The RTP stops within 40 ms of the CANCEL or BYE, by the clock of the kernel that receives it. A busy machine may hold
// the phone or the node back as a whole: the best of three counts.
func TestClipStopsAtOnce(t *testing.T) {
	t.Parallel()
	for _, mode := range []announce.Mode{announce.Early, announce.Answer} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			r := serve(t, inMode(mode))
			r.long()
			p := r.line(t, "1001", storetest.Disabled()).phone(t, over("udp"))
			best := time.Hour
			for n := 0; n < 3 && best > 40*time.Millisecond; n++ {
				best = min(best, stopped(t, p, mode))
			}
			t.Logf("RTP went on for %s / limit 40ms", best)
			if best > 40*time.Millisecond {
				t.Error("too long")
			}
			eventually(t, "nothing is left", func() bool { return len(r.Calls()) == 0 && r.ports.Leased() == 0 })
		})
	}
}

// stopped ends a clip in the midst of it and returns how long packets came after that.
func stopped(t *testing.T, p *phone.Phone, mode announce.Mode) time.Duration {
	t.Helper()
	sink := siptest.NewSink(t)
	ours := dial(t, p, "1002", phone.Options{SDP: offer(sink.Port())})
	for range 5 {
		if sink.Next(siptest.Patience).IsZero() {
			t.Fatal("no sound")
		}
	}
	var at time.Time
	if mode == announce.Early {
		at = time.Now()
		must(t, ours.Cancel(siptest.Within(t)))
		ended(t, ours, 487)
	} else {
		must(t, ours.Answered(siptest.Within(t)))
		at = time.Now()
		must(t, ours.Bye(siptest.Within(t)))
	}
	last := at
	for {
		came := sink.Next(100 * time.Millisecond)
		if came.IsZero() {
			return last.Sub(at)
		}
		last = came
	}
}

func offer(port int, more ...string) []byte {
	lines := []string{"v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", fmt.Sprintf("m=audio %d RTP/AVP 0", port)}
	return []byte(strings.Join(append(lines, more...), "\r\n") + "\r\n")
}

// Hold stops the sending, resume goes on; the 200 of a re-INVITE is repeated until its ACK.
func TestHoldDuringAClip(t *testing.T) {
	t.Parallel()
	r := serve(t, inMode(announce.Answer))
	r.long()
	p := r.line(t, "1001", storetest.Disabled()).phone(t, over("udp"), hearing(phone.SRTPOff))
	ours := dial(t, p, "1002")
	must(t, ours.Answered(siptest.Within(t)))
	must(t, ours.Audio().Listen(siptest.Within(t), 60*time.Millisecond))
	must(t, ours.Hold(siptest.Within(t)))
	must(t, ours.Resume(siptest.Within(t)))
	must(t, ours.Update(siptest.Within(t)))
	must(t, ours.Audio().Listen(siptest.Within(t), 120*time.Millisecond))
	must(t, ours.Bye(siptest.Within(t)))
}

// The disable of a listener's account ends nothing new: it hears why. Its enabling lets the clip end.
func TestQuota(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *sip.Config, _ *sip.Deps) { c.Announce = announce.Config{PerListener: 3, Window: time.Minute} })
	p := r.line(t, "1001", storetest.Disabled()).phone(t)
	early := func() int { return received(p, "SIP/2.0 183") }
	for n := 1; n <= 3; n++ {
		ended(t, dial(t, p, "1002"), 403)
		if early() != n {
			t.Fatalf("announcement %d did not play", n)
		}
	}
	ended(t, dial(t, p, "1002"), 403)
	if early() != 3 {
		t.Error("a fourth announcement within the window")
	}
}

func TestOneAnnouncementAtATime(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *sip.Config, _ *sip.Deps) { c.Announce = announce.Config{PerListener: 9, Window: time.Minute} })
	r.long()
	p := r.line(t, "1001", storetest.Disabled()).phone(t)
	first := dial(t, p, "1002")
	must(t, first.Early(siptest.Within(t)))
	ended(t, dial(t, p, "1002"), 403)
	must(t, first.Cancel(siptest.Within(t)))
	ended(t, first, 487)
}

// A17, B6: offers that end in 488, or in the bare refusal; never in RTP to nowhere.
func TestOffers(t *testing.T) {
	t.Parallel()
	many := offer(4000)
	for range 200 {
		many = append(many, "m=audio 4000 RTP/AVP 0\r\n"...)
	}
	crypto := "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + strings.Repeat("A", 40)
	for _, c := range []struct {
		what, network, sdp string
		code               int
	}{
		{"no codec of ours", "udp", strings.Replace(string(offer(4000)), "AVP 0", "AVP 97\r\na=rtpmap:97 AMR/8000", 1), 488},
		{"SAVP without crypto", "tls", strings.Replace(string(offer(4000)), "RTP/AVP", "RTP/SAVP", 1), 488},
		{"SAVP with damaged crypto", "tls", strings.Replace(string(offer(4000)), "RTP/AVP", "RTP/SAVP", 1) + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:short\r\n", 488},
		{"SDES in clear signalling", "udp", strings.Replace(string(offer(4000)), "RTP/AVP", "RTP/SAVP", 1) + crypto + "\r\n", 488},
		{"200 m-lines", "tls", string(many), 0},
		{"c=0.0.0.0", "udp", strings.ReplaceAll(string(offer(4000)), "127.0.0.1", "0.0.0.0"), 0},
		{"port 0", "udp", string(offer(0)), 0},
		{"format 4294967296", "udp", strings.Replace(string(offer(4000)), "AVP 0", "AVP 4294967296", 1), 0},
		{"duplicate codecs", "udp", strings.Replace(string(offer(4000)), "AVP 0", "AVP 0 0 0", 1), 0},
		{"no line end", "udp", strings.TrimRight(string(offer(4000)), "\r\n"), 0},
		{"not SDP at all", "udp", "hello", 488},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			r := serve(t)
			p := r.line(t, "1001", storetest.Disabled()).phone(t, over(c.network))
			ours := dial(t, p, "1002", phone.Options{SDP: []byte(c.sdp)})
			if c.what == "c=0.0.0.0" { // on hold the clip waits
				saw(t, p, "SIP/2.0 183")
				must(t, ours.Cancel(siptest.Within(t)))
			}
			_ = ours.Wait(siptest.Within(t))
			got := ours.Result().Code
			if c.code != 0 && got != c.code || got != 488 && got != 403 && got != 487 {
				t.Errorf("answered %d, want %d (0: 488 or 403)", got, c.code)
			}
			eventually(t, "nothing is left", func() bool { return len(r.Calls()) == 0 && r.ports.Leased() == 0 })
		})
	}
}

// Without a free port there is the bare refusal.
func TestNoPortIsLeft(t *testing.T) {
	t.Parallel()
	ports, err := media.NewPorts(netip.MustParseAddr("127.0.0.1"), 29000, 29001)
	must(t, err)
	t.Cleanup(ports.Close)
	taken, err := ports.Lease()
	if err == nil {
		t.Cleanup(taken.Release)
	} // else somebody else has it: as good
	r := serve(t, func(_ *sip.Config, d *sip.Deps) { d.Ports = ports })
	p := r.line(t, "1001", storetest.Disabled()).phone(t)
	ended(t, dial(t, p, "1002"), 403)
	if received(p, "SIP/2.0 183") > 0 {
		t.Error("a 183 came")
	}
}

// The answer to our offer is no use: the call ends, and the 200 is not repeated for half a minute.
func TestUnusableAnswer(t *testing.T) {
	t.Parallel()
	r := serve(t, inMode(announce.Answer))
	p := r.line(t, "1001", storetest.Disabled()).phone(t) // mute: its answer has port 9 and codecs, so damage it
	ours := dial(t, p, "1002", phone.Options{NoSDP: true, SDP: []byte("v=0\r\n")})
	_ = ours.Wait(siptest.Within(t))
	eventually(t, "nothing is left", func() bool { return len(r.Calls()) == 0 })
}

// A clip nobody hears ends: in answer mode, too, where no transaction tells that the connection broke.
func TestClipEndsWithTheConnection(t *testing.T) {
	t.Parallel()
	for _, mode := range []announce.Mode{announce.Early, announce.Answer} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			r := serve(t, inMode(mode))
			r.long()
			p := r.line(t, "1001", storetest.Disabled()).phone(t)
			c := dial(t, p, "1002")
			must(t, c.Early(siptest.Within(t)))
			eventually(t, "the clip plays", func() bool { return r.ports.Leased() == 1 })
			p.Drop()
			eventually(t, "the clip has ended", func() bool { return r.ports.Leased() == 0 && len(r.Calls()) == 0 })
		})
	}
}

// A storm of re-INVITEs within a clip: one is answered at a time, the others are told to wait.
func TestReinviteStormWithinAClip(t *testing.T) {
	t.Parallel()
	r := serve(t, inMode(announce.Answer))
	r.long()
	p := r.line(t, "1001", storetest.Disabled()).phone(t)
	c := dial(t, p, "1002")
	must(t, c.Answered(siptest.Within(t)))
	e, err := p.Ladder().Expect(siptest.Within(t), func(e phone.Entry) bool { // not that of the challenge
		return e.Out && strings.HasPrefix(e.First(), "ACK ") && !strings.Contains(e.First(), domain)
	})
	must(t, err)
	ack := string(e.Raw)
	const storm = 20
	for i := range storm {
		text := strings.Replace(ack, "ACK ", "INVITE ", 1)
		text = regexp.MustCompile(`CSeq: \d+ ACK`).ReplaceAllString(text, fmt.Sprintf("CSeq: %d INVITE", 100+i))
		text = regexp.MustCompile(`branch=[^;\r]+`).ReplaceAllString(text, fmt.Sprintf("branch=z9hG4bKstorm%d", i))
		must(t, p.SendRaw(siptest.Within(t), []byte(text)))
	}
	eventually(t, "all are answered", func() bool {
		return inviteAnswers(p, "SIP/2.0 200 ", 100)+inviteAnswers(p, "SIP/2.0 491 ", 100) >= storm
	})
	if n := inviteAnswers(p, "SIP/2.0 491 ", 100); n != storm-1 {
		t.Errorf("%d of %d were told to wait, want all but the first", n, storm)
	}
}

// A re-INVITE while the first INVITE has no final answer, only our 183, is refused (RFC 3261 section 14.2); an UPDATE is not.
func TestReinviteWithinAnEarlyClip(t *testing.T) {
	t.Parallel()
	r := serve(t)
	r.long()
	p := r.line(t, "1001", storetest.Disabled()).phone(t)
	c := dial(t, p, "1002")
	must(t, c.Early(siptest.Within(t)))
	early, err := p.Ladder().Expect(siptest.Within(t), func(e phone.Entry) bool { return !e.Out && strings.HasPrefix(e.First(), "SIP/2.0 183 ") })
	must(t, err)
	sent, err := p.Ladder().Expect(siptest.Within(t), func(e phone.Entry) bool {
		return e.Out && strings.HasPrefix(e.First(), "INVITE ") && strings.Contains(string(e.Raw), "Proxy-Authorization")
	})
	must(t, err)
	contact := regexp.MustCompile(`Contact: <([^>]+)>`).FindStringSubmatch(string(early.Raw))
	to := regexp.MustCompile(`To: [^\r]+`).FindString(string(early.Raw))
	if contact == nil || to == "" {
		t.Fatalf("the 183 has no Contact or To:\n%s", early.Raw)
	}
	within := func(method string, cseq int) {
		text := regexp.MustCompile(`^INVITE \S+`).ReplaceAllString(string(sent.Raw), method+" "+contact[1])
		text = regexp.MustCompile(`CSeq: \d+ INVITE`).ReplaceAllString(text, fmt.Sprintf("CSeq: %d %s", cseq, method))
		text = regexp.MustCompile(`branch=[^;\r]+`).ReplaceAllString(text, fmt.Sprintf("branch=z9hG4bKearly%d", cseq))
		text = regexp.MustCompile(`To: [^\r]+`).ReplaceAllLiteralString(text, to)
		must(t, p.SendRaw(siptest.Within(t), []byte(text)))
	}
	answered := func(method string, cseq int) string {
		e, err := p.Ladder().Expect(siptest.Within(t), func(e phone.Entry) bool {
			return !e.Out && strings.Contains(string(e.Raw), fmt.Sprintf("CSeq: %d %s\r\n", cseq, method))
		})
		must(t, err)
		return string(e.Raw)
	}
	within("INVITE", 100)
	after := regexp.MustCompile(`\r\nRetry-After: (10|[0-9])\r\n`)
	if got := answered("INVITE", 100); !strings.HasPrefix(got, "SIP/2.0 500 ") || !after.MatchString(got) {
		t.Errorf("re-INVITE: %s", got)
	}
	within("UPDATE", 101)
	if got := answered("UPDATE", 101); !strings.HasPrefix(got, "SIP/2.0 200 ") {
		t.Errorf("UPDATE: %s", got)
	}
	must(t, c.Cancel(siptest.Within(t)))
	ended(t, c, 487)
}

// inviteAnswers counts the answers of INVITEs from a CSeq on, repetitions not.
func inviteAnswers(p *phone.Phone, first string, from int) int {
	seen := map[int]bool{}
	for _, e := range p.Ladder().Entries() {
		var cseq int
		if _, rest, ok := strings.Cut(string(e.Raw), "\r\nCSeq: "); ok && !e.Out && strings.HasPrefix(e.First(), first) {
			if _, err := fmt.Sscanf(rest, "%d INVITE", &cseq); err == nil && cseq >= from {
				seen[cseq] = true
			}
		}
	}
	return len(seen)
}
