package siptest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

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
