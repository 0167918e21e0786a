package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
		DataDir: filepath.Join(file, "below"), Store: "redis", Ping: func(context.Context) error { return errors.New("connection refused") },
		Clock: func(context.Context) (time.Time, error) { return time.Now().Add(time.Minute), nil },
		Cert:  certs.CertFile, Key: certs.CAFile, Ports: []portOf{{"sip.tcp", "tcp", taken.Addr().String()}},
	}
	var out output
	err = execute(t.Context(), doctorCommand(examined(p, nil)), &out)
	if err == nil || err.Error() != "5 of 7 checks failed" {
		t.Errorf("error %v\n%s", err, out.String())
	}
	for _, want := range []string{
		"fail  data_dir ", "fail  store: redis does not answer: connection refused  — start it, or correct redis.url",
		"fail  clock: -1m", "fail  certificate ", "taken by another program  — stop that program (ss -lnp shows it), or change sip.tcp",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, out.String())
		}
	}
}

func TestDoctorKnowsItsOwnServer(t *testing.T) {
	t.Parallel()
	own := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer own.Close()
	p := patient{DataDir: t.TempDir(), Ports: []portOf{{"http.admin", "tcp", own.Listener.Addr().String()}}, Health: own.URL + "/livez"}
	var out output
	if err := execute(t.Context(), doctorCommand(examined(p, nil)), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "in use by the running sipward") {
		t.Errorf("output:\n%s", out.String())
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
