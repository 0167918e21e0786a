package siptest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// LinphoneConfig describes a linphonec. Zero values: UDP, no registration, clear RTP, silence sent, calls answered at once.
type LinphoneConfig struct {
	User, Password string
	Domain         string // empty: 127.0.0.1
	Server         string // host:port of proxy and registrar; empty: none, no registration
	Transport      string // udp, tcp, tls; empty: udp
	CAFile         string // to check a TLS server with; empty: not checked
	SRTP           bool   // SDES, mandatory
	ZRTP           bool   // mandatory
	Play           string // WAV file sent; empty: Tone
	Tone           float64
	Manual         bool       // calls that come in wait for Answer
	Host           string     // its own address; empty: 127.0.0.1
	Namespace      *Namespace // the network it runs in; nil: the test's own
	ProvisionedBy  string     // address of its remote provisioning, from which it gets account and server; empty: none
}

// LinphonePhone is a running linphonec, steered by its standard input. One goroutine of a test uses it.
type LinphonePhone struct {
	Addr  string // where it listens for SIP by UDP and TCP
	t     testing.TB
	dir   string
	proc  *program
	stdin io.WriteCloser
}

// Linphone starts a linphonec without any sound device and waits until it is ready, and registered if it has a server.
func Linphone(t testing.TB, c LinphoneConfig) *LinphonePhone {
	t.Helper()
	path := need(t, "linphonec")
	l := &LinphonePhone{t: t, dir: t.TempDir()}
	for _, sub := range []string{".local/share/linphone", ".config/linphone"} { // its core does not start without them
		if err := os.MkdirAll(filepath.Join(l.dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	port := freePorts(t, 2)
	l.Addr = fmt.Sprintf("%s:%d", or(c.Host, "127.0.0.1"), port)
	rc := write(t, l.dir, "linphonerc", []byte(l.config(c, port)))
	pcm := Sine(8000, c.Tone, 30*8000)
	if c.Play != "" {
		pcm = WAV(t, c.Play)
	}
	source := WriteWAV(t, filepath.Join(l.dir, "source.wav"), pcm)
	args := []string{"-c", rc, "-d", "6", "-l", filepath.Join(l.dir, "log")}
	if !c.Manual {
		args = append(args, "-a")
	}
	if c.Namespace != nil {
		path, args = need(t, "ip"), append([]string{"netns", "exec", c.Namespace.Name, path}, args...)
	}
	env := []string{"HOME=" + l.dir, "XDG_CONFIG_HOME=", "XDG_DATA_HOME="}
	l.proc, l.stdin = startPiped(t, l.dir, env, path, args...)
	if c.Server != "" || c.ProvisionedBy != "" {
		if err := l.proc.shows(Within(t), l.Log, "to [LinphoneRegistrationOk]"); err != nil {
			t.Fatalf("linphonec %s did not register: %v\n%s", c.User, err, l.Log())
		}
	}
	l.Command("soundcard use files", "Using wav files")
	l.Command("record "+l.recording(), "")
	l.Command("play "+source, "")
	return l
}

func (l *LinphonePhone) config(c LinphoneConfig, port int) string {
	domain, transport := or(c.Domain, "127.0.0.1"), or(c.Transport, "udp")
	var s strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&s, format+"\n", a...) }
	host := or(c.Host, "127.0.0.1")
	line("[sip]\nsip_port=%d\nsip_tcp_port=%d\nsip_tls_port=-1\nbind_address=%s\nuse_ipv6=0\nipv6_migration_done=1", port, port, host)
	line("guess_hostname=0\ncontact=sip:%s@%s\nauto_net_state_mon=0\nregister_only_when_network_is_up=0\ndefault_proxy=0", c.User, host)
	if c.CAFile != "" {
		line("root_ca=%s\nverify_server_certs=1", c.CAFile)
	} else {
		line("verify_server_certs=0")
	}
	line("verify_server_cn=0") // its TLS library does not match IP addresses, and loopback has no name of ours
	if c.SRTP {
		line("media_encryption=srtp\nmedia_encryption_mandatory=1")
	}
	if c.ZRTP {
		line("media_encryption=zrtp\nmedia_encryption_mandatory=1")
	}
	line("[rtp]\naudio_rtp_port=-1\n[sound]\nechocancellation=0\n[video]\ncapture=0\ndisplay=0")
	line("[video]\nautomatically_initiate=0\nautomatically_accept=0")
	if c.ProvisionedBy != "" {
		line("[misc]\nconfig-uri=%s", c.ProvisionedBy)
	}
	if c.Server != "" {
		line("[proxy_0]\nreg_proxy=<sip:%s;transport=%s>\nreg_route=<sip:%s;transport=%s;lr>", c.Server, transport, c.Server, transport)
		line("reg_identity=sip:%s@%s\nreg_expires=600\nreg_sendregister=1\npublish=0", c.User, domain)
		line("[auth_info_0]\nusername=%s\nuserid=%s\npasswd=%s\ndomain=%s", c.User, c.User, c.Password, domain)
	}
	return s.String()
}

func (l *LinphonePhone) recording() string { return filepath.Join(l.dir, "heard.wav") }

// Command types a line and waits for what linphonec says to it, unless that is empty.
func (l *LinphonePhone) Command(line, says string) {
	l.t.Helper()
	if _, err := io.WriteString(l.stdin, line+"\n"); err != nil {
		l.t.Fatalf("linphonec %q: %v", line, err)
	}
	if says != "" {
		l.Expect(says)
	}
}

// Expect waits until linphonec has printed all the texts.
func (l *LinphonePhone) Expect(texts ...string) {
	l.t.Helper()
	ctx := Within(l.t)
	for _, text := range texts {
		if err := l.proc.says(ctx, text); err != nil {
			l.t.Fatal(err)
		}
	}
}

// Logs waits until linphonec has logged a text.
func (l *LinphonePhone) Logs(text string) {
	l.t.Helper()
	if err := l.proc.shows(Within(l.t), l.Log, text); err != nil {
		l.t.Fatal(err)
	}
}

// Recorded is how much sound has been recorded so far, if it is 16 bits at 8 kHz: less when it is more. The file tells its
// rate only when it is closed.
func (l *LinphonePhone) Recorded() time.Duration {
	info, err := os.Stat(l.recording())
	if err != nil {
		return 0
	}
	return time.Duration(info.Size()) * time.Second / (8000 * 2)
}

// Listen waits until d of sound has been recorded.
func (l *LinphonePhone) Listen(d time.Duration) {
	l.t.Helper()
	err := l.proc.until(Within(l.t), "sound", func() bool { return l.Recorded() >= d })
	if err != nil {
		l.t.Fatalf("linphonec did not hear %s of sound: %v", d, err)
	}
}

// Dial calls a number or URI.
func (l *LinphonePhone) Dial(target string) { l.Command("call "+target, "Establishing call") }

// Answer takes the call that rings.
func (l *LinphonePhone) Answer() { l.Command("answer", "") }

// Hangup ends the current call.
func (l *LinphonePhone) Hangup() { l.Command("terminate", "") }

// Quit ends linphonec, which unregisters and closes its recording.
func (l *LinphonePhone) Quit() {
	l.t.Helper()
	l.Command("quit", "")
	select {
	case <-l.proc.done:
	case <-Within(l.t).Done():
		l.t.Fatal("linphonec did not quit")
	}
}

// Heard returns what the latest call heard, mono at 8 kHz. Call it after Quit.
func (l *LinphonePhone) Heard() []int16 {
	l.t.Helper()
	b, err := os.ReadFile(l.recording())
	if err != nil {
		l.t.Fatal(err)
	}
	if at := bytes.Index(b, []byte("data")); at > 0 && at+8 <= len(b) { // it counts its header into the data
		binary.LittleEndian.PutUint32(b[at+4:], uint32(len(b)-at-8))
	}
	return WAV(l.t, write(l.t, l.dir, "mended.wav", b))
}

// Log is linphonec's log with every SIP message.
func (l *LinphonePhone) Log() string {
	b, _ := os.ReadFile(filepath.Join(l.dir, "log")) // none: nothing logged
	return string(b)
}
