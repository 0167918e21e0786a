package phone_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"sipward/media"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// enough is how much audio a test listens to.
const enough = 600 * time.Millisecond

func share(h phone.Heard, hz float64) float64 {
	return siptest.ToneShare(h.PCM.At(8000).Int16(), 8000, hz)
}

func TestToneBothWays(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		transport string
		srtp      phone.SRTP
		codecs    []media.Codec
		suite     media.Suite // to insist on; empty: clear RTP
	}{
		"RTP":                    {"udp", phone.SRTPOff, nil, ""},
		"RTP, PCMA":              {"tcp", phone.SRTPOff, []media.Codec{media.PCMA}, ""},
		"SRTP required":          {"tls", phone.SRTPRequired, []media.Codec{media.PCMU}, media.AES128SHA80},
		"SRTP optional":          {"tls", phone.SRTPOptional, nil, media.AES256GCM},
		"SRTP optional, in vain": {"udp", phone.SRTPOptional, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alice, bob := pair(t, tt.transport, func(a, b *phone.Config) {
				for _, c := range []*phone.Config{a, b} {
					c.Mute, c.SRTP, c.Codecs = false, tt.srtp, tt.codecs
					if tt.suite != "" {
						c.Suites = []media.Suite{tt.suite}
					}
				}
				a.Tone, b.Tone = 700, 1100
			})
			mine, theirs := answered(t, alice, bob)
			must(t, mine.Audio().Listen(within(t), enough))
			must(t, theirs.Audio().Listen(within(t), enough))
			must(t, mine.Bye(within(t)))
			must(t, theirs.Wait(within(t)))
			must(t, mine.Wait(within(t)))
			for who, h := range map[float64]phone.Heard{1100: mine.Audio().Heard(), 700: theirs.Audio().Heard()} {
				if got := share(h, who); got < 0.9 {
					t.Errorf("share of the %.0f Hz tone %.2f, want at least 0.9", who, got)
				}
				if h.Suite != tt.suite || h.Packets < 25 || h.Refused != 0 {
					t.Errorf("suite %q, %d packets, %d refused; want %q, at least 25, none", h.Suite, h.Packets, h.Refused, tt.suite)
				}
			}
			must(t, mine.Audio().Err())
			must(t, theirs.Audio().Err())
		})
	}
}

func TestRequiredSRTPRefusesClearRTP(t *testing.T) {
	t.Parallel()
	alice, bob := pair(t, "tls", func(a, b *phone.Config) {
		a.Mute, b.Mute, b.SRTP = false, false, phone.SRTPRequired
	})
	mine, err := alice.Call(within(t), "bob", phone.Options{})
	must(t, err)
	theirs, err := bob.Incoming(within(t))
	must(t, err)
	if theirs.Answer() == nil {
		t.Error("an offer of clear RTP was answered")
	}
	if err := mine.Answered(within(t)); err == nil || err.Error() != "call refused: 488 Not Acceptable Here" {
		t.Errorf("error %v, want 488", err)
	}
}

func TestHoldStopsTheSoundAndResumeBringsItBack(t *testing.T) {
	t.Parallel()
	alice, bob := pair(t, "udp", func(a, b *phone.Config) { a.Mute, b.Mute, b.Tone = false, false, 900 })
	mine, theirs := answered(t, alice, bob)
	must(t, mine.Audio().Listen(within(t), enough))
	must(t, mine.Hold(within(t)))
	held, ctx := mine.Audio().Heard(), within(t)
	for { // what was under way may still be read, and then nothing comes while we go on sending
		must(t, theirs.Audio().Listen(ctx, theirs.Audio().Heard().PCM.Duration()+enough))
		now := mine.Audio().Heard()
		if now.Packets == held.Packets {
			break
		}
		held = now
	}
	must(t, mine.Resume(within(t)))
	must(t, mine.Audio().Listen(within(t), held.PCM.Duration()+enough))
	must(t, mine.Bye(within(t)))
}

func TestEarlyMediaIsHeardAndStopsWithCancel(t *testing.T) {
	t.Parallel()
	alice, bob := pair(t, "tcp", func(a, b *phone.Config) {
		a.Mute, b.Mute, a.Linger = false, false, 200*time.Millisecond
	})
	clip, err := media.Shipped().Open("en/account-disabled.wav")
	must(t, err)
	defer clip.Close()
	pcm, err := media.ReadWAV(clip)
	must(t, err)
	mine, err := alice.Call(within(t), "bob", phone.Options{})
	must(t, err)
	theirs, err := bob.Incoming(within(t))
	must(t, err)
	must(t, theirs.Progress())
	must(t, theirs.Audio().Play(media.NewLoop(pcm)))
	must(t, mine.Early(within(t)))
	must(t, mine.Audio().Listen(within(t), enough))
	before := time.Now()
	must(t, mine.Cancel(within(t)))
	if last := mine.Audio().Heard().Last; last.Sub(before) > 100*time.Millisecond {
		t.Errorf("the last packet came %s after the CANCEL", last.Sub(before))
	}
	if err := mine.Wait(within(t)); err == nil || mine.Result().Code != 487 {
		t.Errorf("ended with %v, %d; want 487", err, mine.Result().Code)
	}
}

func TestPlayAndRecordFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sent, kept := filepath.Join(dir, "sent.wav"), filepath.Join(dir, "kept.wav")
	f, err := media.Shipped().Open("en/number-unknown.wav")
	must(t, err)
	defer f.Close()
	pcm, err := media.ReadWAV(f)
	must(t, err)
	pcm.Samples = pcm.Samples[:2*pcm.Rate]
	out, err := os.Create(sent)
	must(t, err)
	must(t, media.WriteWAV(out, pcm))
	must(t, out.Close())
	alice, bob := pair(t, "tls", func(a, b *phone.Config) {
		a.Mute, b.Mute, a.SRTP, b.SRTP, a.Play, b.Record = false, false, phone.SRTPRequired, phone.SRTPOptional, sent, kept
	})
	mine, theirs := answered(t, alice, bob)
	must(t, theirs.Audio().Listen(within(t), 2500*time.Millisecond))
	must(t, mine.Bye(within(t)))
	must(t, theirs.Wait(within(t)))
	must(t, theirs.Audio().Err())
	if got := siptest.Correlate(pcm.At(8000).Int16(), siptest.WAV(t, kept)); got < 0.9 {
		t.Errorf("the recording correlates %.3f with what was sent, want at least 0.9", got)
	}
}
