package siptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Certificates is a certificate authority of one test and a certificate that it made for loopback.
type Certificates struct {
	CAFile   string // PEM
	CertFile string // PEM, with the key in KeyFile
	KeyFile  string
	Both     string // certificate and key in one PEM file, as baresip wants it
	Server   *tls.Config
	Client   *tls.Config
}

// NewCertificates makes a CA and a certificate for 127.0.0.1, ::1, localhost and the names given.
func NewCertificates(t testing.TB, names ...string) Certificates {
	t.Helper()
	caKey, ca := sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "siptest CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}, nil, nil)
	key, leaf := sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "localhost"}, DNSNames: append([]string{"localhost"}, names...),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage:    x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, ca, caKey)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	caPEM, certPEM, keyPEM := block("CERTIFICATE", ca.Raw), block("CERTIFICATE", leaf.Raw), block("PRIVATE KEY", der)
	dir := t.TempDir()
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	return Certificates{
		CAFile: write(t, dir, "ca.pem", caPEM), CertFile: write(t, dir, "cert.pem", certPEM),
		KeyFile: write(t, dir, "key.pem", keyPEM), Both: write(t, dir, "both.pem", append(certPEM, keyPEM...)),
		Server: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}}, MinVersion: tls.VersionTLS12},
		Client: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	}
}

func sign(t testing.TB, c, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if parent == nil {
		parent, parentKey = c, key
	}
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, made
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func write(t testing.TB, dir, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
