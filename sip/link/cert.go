package link

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"
)

const (
	linkName  = "node.sipward.internal" // in every node's certificate: what a dialler expects
	certLife  = 7 * 24 * time.Hour
	certRenew = 24 * time.Hour // a certificate is replaced at this age
	clockSkew = time.Hour
)

// identity is this node's certificate, and the authorities it believes.
type identity struct {
	node  string
	keys  []ed25519.PrivateKey // of the authorities, the newest first
	roots *x509.CertPool
	now   func() time.Time

	mu   sync.Mutex // guards cert and made
	cert *tls.Certificate
	made time.Time
}

// newIdentity makes the authorities of seeds (32 bytes each, the newest first).
func newIdentity(node string, seeds [][]byte, now func() time.Time) (*identity, error) {
	id := &identity{node: node, roots: x509.NewCertPool(), now: now}
	if len(seeds) == 0 {
		return nil, errors.New("link: no key: links need the cluster's root key")
	}
	for _, seed := range seeds {
		if len(seed) != ed25519.SeedSize {
			return nil, errors.New("link: a key has not 32 bytes")
		}
		key := ed25519.NewKeyFromSeed(seed)
		ca, err := authority(key, now())
		if err != nil {
			return nil, err
		}
		id.keys = append(id.keys, key)
		id.roots.AddCert(ca)
	}
	return id, nil
}

// authority is the certificate of an authority. Each node makes its own copy: only subject and key must agree.
func authority(key ed25519.PrivateKey, now time.Time) (*x509.Certificate, error) {
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sipward nodes"},
		NotBefore: now.Add(-clockSkew), NotAfter: now.AddDate(20, 0, 0),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("link: %w", err)
	}
	return x509.ParseCertificate(der)
}

// certificate is this node's, renewed in time.
func (id *identity) certificate() (*tls.Certificate, error) {
	id.mu.Lock()
	defer id.mu.Unlock()
	if id.cert != nil && id.now().Sub(id.made) < certRenew {
		return id.cert, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now := id.now()
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: id.node}, DNSNames: []string{linkName},
		NotBefore: now.Add(-clockSkew), NotAfter: now.Add(certLife), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent := &x509.Certificate{Subject: pkix.Name{CommonName: "sipward nodes"}}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), id.keys[0])
	if err != nil {
		return nil, fmt.Errorf("link: %w", err)
	}
	id.cert, id.made = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, now
	return id.cert, nil
}

// config is the TLS configuration of both sides. Sessions are not resumed: every link proves itself anew
// (CVE-2025-68121).
func (id *identity) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ServerName: linkName, RootCAs: id.roots, ClientCAs: id.roots,
		ClientAuth: tls.RequireAndVerifyClientCert, SessionTicketsDisabled: true, Time: id.now,
		GetCertificate:       func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return id.certificate() },
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return id.certificate() },
	}
}

// named is the node id in a verified peer's certificate.
func named(c *tls.Conn) string {
	if chain := c.ConnectionState().PeerCertificates; len(chain) > 0 {
		return chain[0].Subject.CommonName
	}
	return ""
}
