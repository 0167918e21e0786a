package main

import (
	"context"
	"errors"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sipward/internal/seal"
	"sipward/internal/store"
	"sipward/internal/store/kv/kvtest"
	"sipward/sip/siptest"
)

func examined(p patient, err error) func(context.Context, string) (patient, error) {
	return func(context.Context, string) (patient, error) { return p, err }
}

func TestDoctorOfAHealthyOne(t *testing.T) {
	t.Parallel()
	certs := siptest.NewCertificates(t)
	p := patient{
		DataDir: t.TempDir(), Store: "embedded", Ping: func(context.Context) error { return nil },
		Clock: func(context.Context) (time.Time, error) { return time.Now(), nil },
		Cert:  certs.CertFile, Key: certs.KeyFile, Names: []string{"127.0.0.1", "localhost"},
		Ports: []portOf{{"sip.udp", "udp", "127.0.0.1:0"}, {"sip.tls", "tcp", "127.0.0.1:0"}},
	}
	var out output
	if err := execute(t.Context(), doctorCommand(examined(p, nil)), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"ok    configuration", "ok    data_dir", "ok    store", "ok    clock", "sip.udp 127.0.0.1:0/udp: free", "sip.tls"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, out.String())
		}
	}
	if left, _ := filepath.Glob(filepath.Join(p.DataDir, ".doctor*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDoctorOfASickOne(t *testing.T) {
	t.Parallel()
	certs := siptest.NewCertificates(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p := patient{
		DataDir: filepath.Join(file, "below"), Store: "redis", Ping: func(context.Context) error { return errors.New("redis does not answer: start it") },
		Clock: func(context.Context) (time.Time, error) { return time.Now().Add(time.Minute), nil },
		Cert:  certs.CertFile, Key: certs.CAFile, Ports: []portOf{{"sip.tcp", "tcp", taken.Addr().String()}},
	}
	var out output
	err = execute(t.Context(), doctorCommand(examined(p, nil)), &out)
	if err == nil || err.Error() != "5 of 7 checks failed" {
		t.Errorf("error %v\n%s", err, out.String())
	}
	for _, want := range []string{
		"fail  data_dir ", "fail  store: redis does not answer: start it\n",
		"fail  clock: -1m", "fail  certificate ", "taken by another program  — stop that program (ss -lnp shows it), or change sip.tcp",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, out.String())
		}
	}
}

func TestDoctorKnowsItsOwnServer(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.HTTP.Metrics = "127.0.0.1:0"
	s := start(t, c)
	own := httptest.NewServer(s.n.metricsAPI())
	defer own.Close()
	for node, want := range map[string]string{
		s.n.id:    "ok    http.admin " + own.Listener.Addr().String() + "/tcp: in use by the running sipward",
		"another": "taken, and the sipward that runs here is the node " + s.n.id,
		"":        "taken, and the sipward that runs here is the node " + s.n.id,
	} {
		p := patient{DataDir: t.TempDir(), Node: node, Ports: []portOf{{"http.admin", "tcp", own.Listener.Addr().String()}}, Running: own.URL + nodePath}
		var out output
		err := execute(t.Context(), doctorCommand(examined(p, nil)), &out)
		if !strings.Contains(out.String(), want) || (err == nil) != (node == s.n.id) {
			t.Errorf("for the node %q: %v\n%s", node, err, out.String())
		}
	}
}

// What serve refuses the doctor must not call fine: a Redis that was set up with another root key.
func TestDoctorKnowsTheRootKeyOfTheStore(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.Redis.URL, c.RootKey = kvtest.Redis(t).URL(), rootText(seal.Root{1})
	if err := c.pingStore(t.Context()); err != nil {
		t.Errorf("a store that nobody has claimed: %v", err)
	}
	start(t, c)
	if err := c.pingStore(t.Context()); err != nil {
		t.Errorf("with its root key: %v", err)
	}
	for _, key := range []string{rootText(seal.Root{2}), ""} {
		c.DataDir, c.RootKey = t.TempDir(), key
		if err := c.pingStore(t.Context()); !errors.Is(err, store.ErrForeign) {
			t.Errorf("with another root key: %v", err)
		}
		if files, _ := os.ReadDir(c.DataDir); len(files) > 0 {
			t.Errorf("the doctor left %v behind", files)
		}
	}
}

func TestDoctorDates(t *testing.T) {
	t.Parallel()
	certs := siptest.NewCertificates(t) // good for a day
	p := patient{Cert: certs.CertFile, Key: certs.KeyFile, Names: []string{"sip.example.org"}}
	for when, want := range map[time.Duration]string{
		0:                   "warn",
		48 * time.Hour:      "fail",
		-3 * time.Hour:      "fail",
		-7 * 24 * time.Hour: "fail",
	} {
		found := p.checkCert(time.Now().Add(when))
		if found[0].state != want || found[0].mend == "" {
			t.Errorf("after %s: %+v, want %s with its mend", when, found[0], want)
		}
		if found[1].state != "warn" || !strings.Contains(found[1].what, "sip.example.org") {
			t.Errorf("%+v, want a warning for the name", found[1])
		}
	}
}

func TestDoctorWithABadConfiguration(t *testing.T) {
	t.Parallel()
	var out output
	err := execute(t.Context(), doctorCommand(examined(patient{}, errors.New("sip.tsl: unknown key\nhttp.admin: no port"))), &out)
	if err == nil || !strings.Contains(out.String(), "fail  configuration: sip.tsl: unknown key; http.admin: no port") {
		t.Errorf("error %v\n%s", err, out.String())
	}
}
