package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	certLife = 397 * 24 * time.Hour // the most that Apple's platforms accept
	renewal  = 30 * 24 * time.Hour
)

// Files names a certificate's three files.
type Files struct{ CA, Cert, Key string }

// In names the generated files below a directory.
func In(dir string) Files {
	return Files{CA: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "server.pem"), Key: filepath.Join(dir, "server.key")}
}

// Ensure makes a CA and a certificate for names (hosts and addresses, the first is the subject) in dir, unless there is
// a good one already. The CA's key comes from seed (32 bytes), so that every node of a cluster makes the same CA and a phone
// that trusts one node trusts all.
func Ensure(dir string, names []string, seed []byte, now time.Time) (Files, error) {
	f := In(dir)
	if good(f, names, now) {
		return f, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return f, fmt.Errorf("certificate: %w", err)
	}
	ca, caKey, err := authority(f.CA, filepath.Join(dir, "ca.key"), seed)
	if err != nil {
		return f, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return f, fmt.Errorf("certificate: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf(names, now), ca, &key.PublicKey, caKey)
	if err != nil {
		return f, fmt.Errorf("certificate: %w", err)
	}
	return f, errors.Join(writeKey(f.Key, key), writeFile(f.Cert, "CERTIFICATE", der, 0o644))
}

// good reports whether the files hold a certificate for all names that is not about to end.
func good(f Files, names []string, now time.Time) bool {
	cert, err := readCert(f.Cert)
	if err != nil || now.Add(renewal).After(cert.NotAfter) {
		return false
	}
	if _, err := os.Stat(f.Key); err != nil {
		return false
	}
	return !slices.ContainsFunc(names, func(n string) bool { return cert.VerifyHostname(n) != nil })
}

func leaf(names []string, now time.Time) *x509.Certificate {
	c := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: names[0]},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, n)
		}
	}
	return c
}

// authority reads the CA, or makes the one of the seed: the same to the last byte on every node and at any time, so that
// phones which were given one node's ca.pem need no other.
func authority(certFile, keyFile string, seed []byte) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	cert, certErr := readCert(certFile)
	key, keyErr := readKey(keyFile)
	if certErr == nil && keyErr == nil {
		return cert, key, nil
	}
	if !errors.Is(certErr, os.ErrNotExist) && certErr != nil {
		return nil, nil, fmt.Errorf("CA %s: %w: restore it, or remove it and its key to make a new one", certFile, certErr)
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed) // fails for one seed in 2^32
	if err != nil {
		return nil, nil, fmt.Errorf("CA: %w: choose another root_key", err)
	}
	ca := &x509.Certificate{
		SerialNumber: serialOf(key), Subject: pkix.Name{CommonName: "sipward CA"},
		NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2056, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
	}
	der, err := x509.CreateCertificate(nil, ca, ca, &key.PublicKey, deterministic{key})
	if err != nil {
		return nil, nil, fmt.Errorf("CA: %w", err)
	}
	return ca, key, errors.Join(writeKey(keyFile, key), writeFile(certFile, "CERTIFICATE", der, 0o644))
}

// deterministic signs by RFC 6979: the same bytes for the same certificate.
type deterministic struct{ *ecdsa.PrivateKey }

// Sign ignores the source of randomness.
func (d deterministic) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return d.PrivateKey.Sign(nil, digest, opts)
}

// serialOf is a serial number that comes from the key.
func serialOf(key *ecdsa.PrivateKey) *big.Int {
	pub, err := key.PublicKey.Bytes()
	if err != nil {
		panic(err) // only for curves that are not ours
	}
	sum := sha256.Sum256(pub)
	return new(big.Int).SetBytes(sum[:15])
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // the system's random source never fails
	}
	return n
}
