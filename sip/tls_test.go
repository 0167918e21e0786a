package sip_test

import (
	"crypto/tls"
	"testing"

	"sipward/sip/transport"
)

// A18: what is too old is refused, and the newest is taken. Phones show no certificate here, so none is asked for.
func TestTLSVersions(t *testing.T) {
	t.Parallel()
	r := serve(t)
	for _, c := range []struct {
		what   string
		change func(*tls.Config)
		ok     bool
	}{
		{"TLS 1.0", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 }, false},
		{"TLS 1.1", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 }, false},
		{"RSA key exchange", func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_CBC_SHA}
		}, false},
		{"another name", func(c *tls.Config) { c.ServerName = "elsewhere.example" }, false},
		{"TLS 1.2, ECDHE", func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, true},
		{"the newest", func(*tls.Config) {}, true},
	} {
		config := r.certs.Client.Clone()
		config.ServerName = domain
		c.change(config)
		conn, err := tls.Dial("tcp", r.Addr(transport.TLS).String(), config)
		if (err == nil) != c.ok {
			t.Errorf("A18: %s: %v", c.what, err)
		}
		if err != nil {
			continue
		}
		state := conn.ConnectionState()
		if c.what == "the newest" && state.Version != tls.VersionTLS13 {
			t.Errorf("A18: %s negotiated, want TLS 1.3", tls.VersionName(state.Version))
		}
		_ = conn.Close()
	}
}
