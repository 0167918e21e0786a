package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"sipward/sip/phone"
	"sipward/sip/siptest"
	"sipward/sip/transport"
)

// client is a certificate of a factory for a phone's TLS, good from an hour ago until end.
func (f factory) client(t *testing.T, end time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(end.Unix()), Subject: pkix.Name{CommonName: "a phone"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: end,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, f.cert, &key.PublicKey, f.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// shows is a phone's side that shows a certificate whatever issuers the server names.
func (s *server) shows(version uint16, cert tls.Certificate) *tls.Config {
	c := s.trust()
	c.MaxVersion = version
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	return c
}

// pong tells whether the server serves the connection: in TLS 1.3 a client learns by its first read what became of its
// certificate.
func (s *server) pong(c *tls.Config) (resumed bool, err error) {
	conn, err := tls.Dial("tcp", s.addr(transport.TLS), c)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "\r\n\r\n"); err != nil {
		return false, err
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, err = io.ReadFull(conn, make([]byte, 2))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return false, errors.New("no pong, and no end of the connection")
	}
	return conn.ConnectionState().DidResume, err
}

// A18: a phone's certificate that has expired, or whose CA is none of ours, gets no connection; without any a phone is served
// unless one is required.
func TestPhonesCertificates(t *testing.T) {
	t.Parallel()
	ours := newFactory(t)
	good, expired := ours.client(t, time.Now().Add(time.Hour)), ours.client(t, time.Now().Add(-time.Minute))
	foreign := newFactory(t).client(t, time.Now().Add(time.Hour))
	for _, mode := range []string{"optional", "required"} {
		c := testConfig(t)
		c.SIP.ClientCA, c.SIP.ClientCert = ours.file, mode
		s := start(t, c)
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			for _, try := range []struct {
				what string
				cert tls.Certificate
				ok   bool
			}{{"a good one", good, true}, {"an expired one", expired, false}, {"another CA's", foreign, false}, {"none", tls.Certificate{}, mode == "optional"}} {
				if _, err := s.pong(s.shows(version, try.cert)); (err == nil) != try.ok {
					t.Errorf("A18: %s, %s, %s: %v", mode, tls.VersionName(version), try.what, err)
				}
			}
		}
		l := s.line(s.group(), "5001")
		siptest.Registered(t, phone.Config{
			Server: s.addr(transport.TLS), Transport: "tls", TLS: s.shows(0, good), Domain: realm, User: l.User, Password: phone.Secret(l.Password), Mute: true,
		})
	}
}

// A18: a session is not resumed where the CA of its certificate is trusted no more (CVE-2025-68121), nor when the certificate
// has expired since.
func TestPhonesCertificatesAreNotOutlived(t *testing.T) {
	t.Parallel()
	ours := newFactory(t)
	c := testConfig(t)
	c.RootKey, c.SIP.ClientCA = strings.Repeat("5a", 32), ours.file
	before := start(t, c)
	c.DataDir, c.SIP.ClientCA = t.TempDir(), newFactory(t).file
	after := start(t, c)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := before.shows(version, ours.client(t, time.Now().Add(5*time.Second)))
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		for _, again := range []bool{false, true} {
			if resumed, err := before.pong(config); err != nil || resumed != again {
				t.Fatalf("A18: %s: resumed %v, want %v, %v", tls.VersionName(version), resumed, again, err)
			}
		}
		if _, err := after.pong(config); err == nil {
			t.Errorf("A18: %s: served where the CA was taken out", tls.VersionName(version))
		}
		eventually(t, "the certificate has expired", time.Minute, func() bool {
			_, err := before.pong(config)
			return err != nil
		})
	}
}
