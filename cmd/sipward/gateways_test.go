package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sipward/provisioning/sms"
	"sipward/sip/siptest"
)

// gateway is where SMS go in a test: its part of the configuration, and the texts that arrived, by their number.
type gateway struct {
	set   func(*Config)
	texts func() string
	link  *regexp.Regexp // finds the address in a text
}

// centre is a message centre by SMPP 3.4 that shares no code with our client (Debian's libnet-smpp-perl).
func centre(t *testing.T) gateway {
	t.Helper()
	if !siptest.Runs(t, "perl", "-MNet::SMPP", "-e", "1") {
		siptest.Missing(t, "Net::SMPP of libnet-smpp-perl")
	}
	script, err := filepath.Abs("testdata/smsc.pl")
	if err != nil {
		t.Fatal(err)
	}
	p := siptest.Launch(t, t.TempDir(), "perl", script)
	p.Says(" is open\n")
	port := regexp.MustCompile(`PORT (\d+) is`).FindStringSubmatch(p.Output())[1]
	return gateway{texts: p.Output, link: regexp.MustCompile(`TEXT 390212345678 .*?(https://\S+)`), set: func(c *Config) {
		c.SMS.Driver, c.SMS.From = "smpp", "+39021"
		c.SMS.SMPP.Address, c.SMS.SMPP.SystemID, c.SMS.SMPP.Password = "127.0.0.1:"+port, "sipward", "secret"
	}}
}

// kannel is the gateway Kannel with its own fake message centre, asked by HTTP as our preset does.
func kannel(t *testing.T) gateway {
	t.Helper()
	dir, port := t.TempDir(), siptest.FreePorts(t, 4)
	conf := filepath.Join(dir, "kannel.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, `
group = core
admin-port = %d
admin-interface = 127.0.0.1
admin-password = x
smsbox-port = %d
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1

group = smsc
smsc = fake
smsc-id = fake
port = %d
host = 127.0.0.1
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = %d
sendsms-port = %d
sendsms-interface = 127.0.0.1
global-sender = 39021

group = sendsms-user
username = sipward
password = secret
concatenation = true
max-messages = 6
`, port, port+1, port+2, port+1, port+3), 0o600); err != nil {
		t.Fatal(err)
	}
	box := siptest.Launch(t, dir, "bearerbox", conf)
	box.Says("Start-up done")
	siptest.Launch(t, dir, "smsbox", conf).Says("Connected to bearerbox")
	fake := siptest.Launch(t, dir, "/usr/lib/kannel/test/fakesmsc", "-H", "127.0.0.1", "-r", strconv.Itoa(port+2), "-m", "0", "1 2 text nop nothing")
	box.Says("Fakesmsc client connected")
	return gateway{texts: fake.Output, link: regexp.MustCompile(`<39021 \+390212345678 text .*?(https://[^\s>]+)>`), set: func(c *Config) {
		c.SMS.Driver, c.SMS.From = "http", "39021"
		c.SMS.HTTP.Preset, c.SMS.HTTP.User, c.SMS.HTTP.Password, c.SMS.HTTP.Private = "kannel", "sipward", "secret", true
		preset := sms.Presets()["kannel"].URL
		c.SMS.HTTP.URL = strings.Replace(preset, "127.0.0.1:13013", fmt.Sprintf("127.0.0.1:%d", port+3), 1)
	}}
}
