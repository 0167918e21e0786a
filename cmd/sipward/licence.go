package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"fmt"
	"os"
	"regexp"
	"time"

	"sipward/internal/account"
	"sipward/internal/licence"
	"sipward/internal/web"
	"sipward/licenceproxy"
	"sipward/provisioning"
)

// reProduct is a product's name as keys of the store may contain it.
var reProduct = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (c LicenceConfig) validate(v *faults) {
	keys, err := licence.ParseKeys(c.PublicKey)
	v.check(err == nil, "licence.public_key: %v", err)
	v.check(c.Upstream == "" || len(keys) > 0 || err != nil, "licence.public_key: needed with licence.upstream: nothing is cached that cannot be verified")
	v.check(licenceproxy.CheckUpstream(c.Upstream) == nil, "licence.upstream: %q must begin with https:// (http:// only for this machine itself)", c.Upstream)
	v.check(len(c.Products) > 0, "licence.products: want at least one")
	for _, p := range c.Products {
		v.check(reProduct.MatchString(p), "licence.products: %q is no name: want letters, digits, dots, dashes and underscores", p)
	}
	v.check(c.Fresh >= time.Minute, "licence.fresh: want at least 1m, not %s", c.Fresh)
	v.check(c.Stale >= c.Fresh, "licence.stale: want at least licence.fresh (%s), not %s", c.Fresh, c.Stale)
}

func (c LicenceConfig) cas() (*x509.CertPool, error) {
	if c.CA == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fmt.Errorf("licence.ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("licence.ca: %s has no certificate in PEM", c.CA)
	}
	return pool, nil
}

// licensing builds what phones ask with their device tokens: the proxy to the vendor and the directory of keys.
func (n *node) licensing() error {
	c := n.config.Licence
	keys, err := licence.ParseKeys(c.PublicKey)
	if err != nil {
		return fmt.Errorf("licence.public_key: %w", err)
	}
	cas, err := c.cas()
	if err != nil {
		return err
	}
	exempt, err := n.config.Limits.prefixes()
	if err != nil {
		return err
	}
	n.devices = web.NewDevices(n.store.Devices, exempt, time.Now)
	n.licences, err = licenceproxy.New(licenceproxy.Config{
		Upstream: c.Upstream, Credential: account.Secret(c.Credential), Direct: c.Direct, Keys: keys, RootCAs: cas, Products: c.Products,
		Policy: licence.Policy{Fresh: c.Fresh, Stale: c.Stale, Grace: c.Grace},
	}, licenceproxy.Deps{Licences: n.store.Licences, Devices: n.devices, Log: n.log, Metrics: n.registry, Now: time.Now})
	if err != nil {
		return err
	}
	n.directory, err = provisioning.NewKeyDirectory(provisioning.KeyDeps{
		Accounts: n.store.Accounts, Keys: n.store.MessageKeys, Devices: n.devices, NonceKey: n.roots[0].Derive("key nonce"),
		LogKey: ed25519.NewKeyFromSeed(n.roots[0].Derive("key log")), Now: time.Now,
	})
	return err
}
