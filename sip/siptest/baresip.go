package siptest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"sipward/media"
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

// config needs no sound device: the source is a file, and the sndfile filter records what is decoded without a player.
func (b *BaresipPhone) config(c BaresipConfig, sipAddr, ctlAddr string) string {
	var s strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&s, format+"\n", a...) }
	line("poll_method epoll\nsip_listen %s\nnet_interface %s", sipAddr, or(c.Host, "127.0.0.1"))
	line("call_local_timeout 120\ncall_max_calls 4\naudio_buffer 200\nrtcp_mux no\njitter_buffer_delay 1-10\nrtp_stats no")
	line("ausrc_srate 8000\nauplay_srate 8000\nausrc_channels 1\nauplay_channels 1")
	if c.CertFile != "" {
		line("sip_certificate %s", c.CertFile)
	}
	if c.CAFile != "" {
		line("sip_cafile %s", c.CAFile)
	}
	line("module_path %s", modules())
	for _, m := range []string{"g711", "g722", "sndfile", "aufile", "srtp"} {
		line("module %s.so", m)
	}
	if strings.Contains(c.Params, "medianat=ice") {
		line("module ice.so")
	}
	line("audio_source aufile,%s", b.source(c))
	line("module_tmp uuid.so\nmodule_tmp account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\nringback_disabled yes")
	line("ctrl_tcp_listen %s\nsnd_path %s", ctlAddr, b.dir)
	return s.String()
}

// modules is where the distribution put them.
func modules() string {
	for _, dir := range []string{"/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules", "/usr/lib64/baresip/modules"} {
		if _, err := os.Stat(dir); err == nil {
			return dir
		}
	}
	return "/usr/lib/baresip/modules"
}

// source writes the WAV that baresip sends, at the 8 kHz mono that it insists on. It is longer than any call of a test:
// baresip hangs up at its end.
func (b *BaresipPhone) source(c BaresipConfig) string {
	pcm := make([]int16, 30*8000)
	switch {
	case c.Play != "":
		pcm = WAV(b.t, c.Play)
	case c.Tone != 0:
		pcm = Sine(8000, c.Tone, 30*8000)
	}
	return WriteWAV(b.t, filepath.Join(b.dir, "source.wav"), pcm)
}

func account(c BaresipConfig) string {
	domain, transport := or(c.Domain, "127.0.0.1"), or(c.Transport, "udp")
	s := fmt.Sprintf("<sip:%s@%s;transport=%s>;auth_user=%s;auth_pass=%s;answermode=%s;ptime=20",
		c.User, domain, transport, c.User, c.Password, or(c.Answer, "auto"))
	if c.Server == "" {
		s += ";regint=0"
	} else {
		s += fmt.Sprintf(`;outbound="sip:%s;transport=%s";regint=600`, c.Server, transport)
	}
	if c.Enc != "" {
		s += ";mediaenc=" + c.Enc
	}
	return s + ";audio_codecs=" + or(c.Codecs, "PCMU/8000/1,PCMA/8000/1,G722/16000/1") + c.Params + "\n"
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// Event is what baresip reports: REGISTER_OK, CALL_RINGING, CALL_PROGRESS, CALL_ESTABLISHED, CALL_CLOSED, and more.
type Event struct {
	Type  string `json:"type"`
	Param string `json:"param"` // of CALL_CLOSED: the final status and phrase, or why
	Peer  string `json:"peeruri"`
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

// Command runs any long command of baresip's menu (dial, hangup, hold, resume, transfer …) and fails the test if it is
// refused.
func (b *BaresipPhone) Command(command, params string) {
	b.t.Helper()
	if err := b.ctl.command(Within(b.t), command, params); err != nil {
		b.t.Fatalf("baresip %s %s: %v", command, params, err)
	}
}

// Event waits for the next event of one of the types; others before it are passed over.
func (b *BaresipPhone) Event(ctx context.Context, types ...string) (Event, error) {
	for {
		select {
		case e, ok := <-b.ctl.events:
			if !ok {
				return Event{}, fmt.Errorf("baresip is gone; waited for %v", types)
			}
			for _, want := range types {
				if e.Type == want {
					return e, nil
				}
			}
		case <-ctx.Done():
			return Event{}, fmt.Errorf("baresip reported none of %v: %w", types, context.Cause(ctx))
		}
	}
}

// Expect is Event, failing the test when none comes.
func (b *BaresipPhone) Expect(types ...string) Event {
	b.t.Helper()
	e, err := b.Event(Within(b.t), types...)
	if err != nil {
		b.t.Fatal(err)
	}
	return e
}

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

// WAV reads a WAV file, mono at 8 kHz.
func WAV(t testing.TB, path string) []int16 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pcm, err := media.ReadWAV(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return pcm.At(8000).Int16()
}

// WriteWAV writes mono samples at 8 kHz and returns the path.
func WriteWAV(t testing.TB, path string, pcm []int16) string {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := media.WriteWAV(f, media.FromInt16(pcm, 8000)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// answer of the control connection.
type answer struct {
	OK    bool   `json:"ok"`
	Data  string `json:"data"`
	Token string `json:"token"`
}

func parse[T any](b []byte) (v T, err error) { return v, json.Unmarshal(b, &v) }
