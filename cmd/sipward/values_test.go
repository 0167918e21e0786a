package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A value of the wrong type is named like every other fault: key, value and what is wanted, in one line, beside the others.
func TestValuesOfTheWrongType(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ file, environ, want string }{
		{environ: "SIPWARD_MEDIA_MAX_STREAMS=x", want: `media.max_streams: "x": want a whole number`},
		{environ: "SIPWARD_SIP_RING_TIME=10", want: `sip.ring_time: "10": want a duration, for example 30s`},
		{environ: "SIPWARD_SIP_RING_TIME=1d-2h", want: `sip.ring_time: "1d-2h": want a duration`},
		{environ: "SIPWARD_SIP_RING_TIME=999999999d", want: `sip.ring_time: "999999999d": want a duration`},
		{environ: "SIPWARD_SMS_HTTP_BASIC=maybe", want: `sms.http.basic: "maybe": want true or false`},
		{environ: "SIPWARD_SIP_ANNOUNCE_BY_TYPE=answer", want: `sip.announce_by_type: "answer": want name=value`},
		{environ: "SIPWARD_LIMITS_CALLS_PER_ACCOUNT=-1", want: "limits.calls_per_account: -1: must not be negative"},
		{environ: "SIPWARD_LIMITS_CONNECTIONS_PER_ADDRESS=-1", want: "limits.connections_per_address: -1: must not be negative"},
		{environ: "SIPWARD_RETENTION_CALLS=-1h", want: "retention.calls: -1h0m0s: must not be negative"},
		{file: "domain: [a]", want: "domain: [a]: want one text"},
		{file: "sip: {ring_time: 10}", want: "sip.ring_time: 10: want a duration"},
		{file: "sip: {announce_by_type: [a]}", want: "sip.announce_by_type: [a]: want names and values"},
		{file: "media: {max_streams: 1.5}", want: "media.max_streams: 1.5: want a whole number"},
		{file: "sip:\n\tudp: ''", want: "a tab?"},
	} {
		name := ""
		if c.file != "" {
			name = configFor(t, c.file)
		}
		_, err := loadConfig(name, []string{c.environ, "SIPWARD_LOG_LEVEL=loud"})
		if err == nil {
			t.Errorf("%s%s is accepted", c.file, c.environ)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		both := 2 // the other fault is found too
		if c.want == "a tab?" {
			both = 1 // nothing else can be read
		}
		if !strings.Contains(err.Error(), c.want) || len(lines) != both || strings.Contains(err.Error(), "strconv") || strings.Contains(err.Error(), "interface") {
			t.Errorf("%s%s: want %q, have\n%v", c.file, c.environ, c.want, err)
		}
	}
}

func TestValuesInManyForms(t *testing.T) {
	t.Parallel()
	c, err := loadConfig(configFor(t, "sip: {ring_time: 45s, announce_by_type: {SNOM: answer}, udp: [':5060']}\nretention: {calls: 30d, messages: 0}\nsms: {http: {basic: true}}\nmedia: {max_streams: 7}"),
		[]string{"SIPWARD_RETENTION_SIP_SESSIONS=1d12h", "SIPWARD_LIMITS_CALLS_PER_ACCOUNT= 2 ", "SIPWARD_SIP_DRAIN_TIME=", "SIPWARD_SMS_HTTP_PRIVATE=1", "SIPWARD_SIP_TLS=:1,:2"})
	if err != nil {
		t.Fatal(err)
	}
	day := 24 * time.Hour
	if c.SIP.RingTime != 45*time.Second || c.SIP.AnnounceByType["SNOM"] != "answer" || len(c.SIP.UDP) != 1 || len(c.SIP.TLS) != 2 || c.SIP.DrainTime != time.Minute {
		t.Errorf("sip: %+v", c.SIP)
	}
	if c.Retention.Calls != 30*day || c.Retention.SIPSessions != 36*time.Hour || c.Retention.Messages != 0 {
		t.Errorf("retention: %+v", c.Retention)
	}
	if !c.SMS.HTTP.Basic || !c.SMS.HTTP.Private || c.Media.MaxStreams != 7 || c.Limits.CallsPerAccount != 2 {
		t.Errorf("sms %+v, media %+v, limits %+v", c.SMS.HTTP, c.Media, c.Limits)
	}
}

// What our client commands read from the environment may be exported where the server starts.
func TestVariablesOfTheClientsAreNoKeys(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`etenv(?:\.value)?\("(SIPWARD_[A-Z_]+)"\)`).FindAllSubmatch(text, -1) {
			names[string(m[1])] = true
		}
	}
	if len(names) < 4 {
		t.Fatalf("found %v alone", names)
	}
	for name := range names {
		if _, err := loadConfig("", []string{name + "=x"}); err != nil {
			t.Errorf("%s is exported: %v", name, err)
		}
	}
}
