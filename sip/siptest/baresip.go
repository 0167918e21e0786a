package siptest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// BaresipConfig describes a baresip. Zero values: UDP, no registration, clear RTP, silence sent.
type BaresipConfig struct {
	User, Password string
	Domain         string     // empty: 127.0.0.1
	Server         string     // host:port of the outbound proxy and registrar; empty: none, no registration
	Transport      string     // udp, tcp, tls; empty: udp
	CAFile         string     // to check a TLS server with; empty: not checked
	CertFile       string     // own certificate and key in one PEM file, for TLS calls that come in without a server
	Enc            string     // mediaenc: srtp, srtp-mand, srtp-mandf; empty: none
	Codecs         string     // such as PCMU/8000/1; empty: PCMU, PCMA, G.722
	Play           string     // WAV file sent; empty: none
	Tone           float64    // Hz, sent when Play is empty; 0: none
	Answer         string     // manual, early, auto; empty: auto
	Params         string     // more account parameters, each with a leading ;
	Host           string     // its own address; empty: 127.0.0.1
	Namespace      *Namespace // the network it runs in; nil: the test's own
}

// BaresipPhone is a running baresip, steered by its JSON control connection. One goroutine of a test uses it.
type BaresipPhone struct {
	Addr   string // where it listens for SIP
	t      testing.TB
	dir    string
	former int // recordings of former calls
	proc   *program
	ctl    *control
}

// Baresip starts a baresip without any sound device and waits until it is ready, and registered if it has a server.
func Baresip(t testing.TB, c BaresipConfig) *BaresipPhone {
	t.Helper()
	path := need(t, "baresip")
	var b *BaresipPhone
	var err error
	for range 3 { // another process may have taken a port meanwhile
		if b, err = startBaresip(t, path, c); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if c.Server != "" {
		if err := b.registered(Within(t)); err != nil {
			t.Fatalf("baresip %s did not register: %v", c.User, err)
		}
	}
	return b
}

func startBaresip(t testing.TB, path string, c BaresipConfig) (*BaresipPhone, error) {
	t.Helper()
	b := &BaresipPhone{t: t, dir: t.TempDir()}
	ports := freePorts(t, 4) // SIP by UDP and TCP, SIP by TLS one above, control
	host := or(c.Host, "127.0.0.1")
	sipAddr, ctlAddr := fmt.Sprintf("%s:%d", host, ports), fmt.Sprintf("127.0.0.1:%d", ports+2)
	if b.Addr = sipAddr; c.Transport == "tls" {
		b.Addr = fmt.Sprintf("%s:%d", host, ports+1)
	}
	write(t, b.dir, "config", []byte(b.config(c, sipAddr, ctlAddr)))
	write(t, b.dir, "accounts", []byte(account(c)))
	write(t, b.dir, "contacts", nil)
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	args := []string{"-s", "-f", b.dir}
	if c.Namespace != nil {
		path, args = need(t, "ip"), append([]string{"netns", "exec", c.Namespace.Name, path}, args...)
	}
	b.proc = start(t, b.dir, []string{"HOME=" + b.dir}, path, args...)
	if err := b.proc.says(ctx, "baresip is ready."); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, b.proc.out)
	}
	conn, err := c.Namespace.Dial(ctlAddr)
	if err != nil {
		return nil, err
	}
	b.ctl = newControl(conn)
	t.Cleanup(b.ctl.close)
	return b, nil
}

// reRegistered is baresip's line on a REGISTER's final answer, or on its failure. Its event may be over before the control
// connection is there.
var reRegistered = regexp.MustCompile(`\{\d+/\w+/v[46]\} (\d{3}) [^\r\n]*|reg: [^\r\n]*`)

func (b *BaresipPhone) registered(ctx context.Context) error {
	var found []string
	err := b.proc.until(ctx, "registered", func() bool {
		found = reRegistered.FindStringSubmatch(b.Log())
		return found != nil
	})
	if err == nil && found[1] != "200" {
		return errors.New(found[0])
	}
	return err
}

// Dial calls a number or URI and returns when baresip has taken the command.
func (b *BaresipPhone) Dial(target string) {
	b.t.Helper()
	b.Anew()
	b.Command("dial", target)
}

// Anew has Listen and Heard pass over what was heard until now, as Dial does.
func (b *BaresipPhone) Anew() { b.former += len(b.recordings()) }

// Hangup ends the current call.
func (b *BaresipPhone) Hangup() { b.Command("hangup", "") }

// Accept answers a call that came in (answer mode manual).
func (b *BaresipPhone) Accept() { b.Command("accept", "") }

// Log is what baresip printed, with every SIP message (its -s trace).
func (b *BaresipPhone) Log() string { return b.proc.out.String() }

// Quit ends baresip, which unregisters and closes its recordings.
func (b *BaresipPhone) Quit() {
	b.t.Helper()
	_ = b.ctl.command(Within(b.t), "quit", "") // it may be gone before it answers
	select {
	case <-b.proc.done:
	case <-time.After(Patience):
		b.t.Fatal("baresip did not quit")
	}
}

// Listen waits until d of audio has been heard since the last Dial, and fails the test if it does not come.
func (b *BaresipPhone) Listen(d time.Duration) {
	b.t.Helper()
	want := int(d.Seconds()*8000) * 2 // 16 bits at 8 kHz, at least
	err := b.proc.until(Within(b.t), "audio", func() bool {
		size := 0
		for _, path := range b.recordings() {
			if info, err := os.Stat(path); err == nil {
				size += int(info.Size())
			}
		}
		return size >= want
	})
	if err != nil {
		b.t.Fatalf("baresip did not hear %s of audio: %v", d, err)
	}
}

// recordings are the files since the last Dial, in order: their names are times. Baresip begins a new one whenever SDP
// comes, so a repeated 183 makes several for one call.
func (b *BaresipPhone) recordings() []string {
	files, _ := filepath.Glob(filepath.Join(b.dir, "dump-*-dec.wav")) // the pattern is sound
	return files[min(b.former, len(files)):]
}

// Heard returns what was heard since the last Dial, mono at 8 kHz. Call it after the call has ended.
func (b *BaresipPhone) Heard() []int16 {
	b.t.Helper()
	var all []int16
	for _, path := range b.recordings() {
		all = append(all, WAV(b.t, path)...)
	}
	if all == nil {
		b.t.Fatal("baresip recorded nothing")
	}
	return all
}
