package pki

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// lookEvery is how often the files are looked at; a new certificate is in use within 5 s.
const lookEvery = 2 * time.Second

// Pair is a certificate that follows its files.
type Pair struct {
	cert, key string
	log       *slog.Logger
	current   atomic.Pointer[tls.Certificate]

	// owned by Run
	stamp  string // of the files as last read
	told   slog.Level
	toldAt time.Time
}

// Open reads a pair; a fault names the file and the mend.
func Open(certFile, keyFile string, log *slog.Logger) (*Pair, error) {
	p := &Pair{cert: certFile, key: keyFile, log: log}
	p.stamp = p.stat()
	if err := p.load(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Pair) load() error {
	c, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w: correct tls.cert and tls.key, or leave both empty for a generated one", p.cert, p.key, err)
	}
	if c.Leaf == nil {
		if c.Leaf, err = x509.ParseCertificate(c.Certificate[0]); err != nil {
			return fmt.Errorf("certificate %s: %w", p.cert, err)
		}
	}
	p.current.Store(&c)
	return nil
}

// Leaf is the certificate in use.
func (p *Pair) Leaf() *x509.Certificate { return p.current.Load().Leaf }

// Run reads the files again when they change, until ctx ends, and says when the certificate nears its end. A pair that
// does not load leaves the old one in use.
func (p *Pair) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		p.watch(ctx, time.Now())
		select {
		case <-tick.C:
			p.look()
		case <-ctx.Done():
			return nil
		}
	}
}

func (p *Pair) look() {
	stamp := p.stat()
	if stamp == p.stamp {
		return
	}
	p.stamp = stamp
	if err := p.load(); err != nil {
		p.log.Error("new certificate not usable, the old one stays", "err", err)
		return
	}
	p.log.Info("certificate replaced", "file", p.cert, "not_after", p.Leaf().NotAfter)
}

// stat is a text that changes when one of the files does.
func (p *Pair) stat() (s string) {
	for _, f := range []string{p.cert, p.key} {
		if i, err := os.Stat(f); err == nil {
			s += fmt.Sprint(i.Size(), i.ModTime().UnixNano(), " ")
		}
	}
	return s
}

// Server is a TLS configuration for listeners: 1.2 at least (RFC 8996), 1.3 preferred, forward secrecy only.
func (p *Pair) Server() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.current.Load(), nil },
		CipherSuites: []uint16{ // of TLS 1.2; 1.3 chooses its own
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	}
}
