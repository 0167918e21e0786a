package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"time"
)

func (p patient) checkCert(now time.Time) []finding {
	if p.Cert == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(p.Cert, p.Key)
	switch {
	case errors.Is(err, fs.ErrNotExist) && p.Generated:
		return []finding{fine("certificate: will be made at the first start")}
	case errors.Is(err, fs.ErrNotExist):
		return []finding{fail("correct tls.cert and tls.key", "certificate: %v", err)}
	case err != nil:
		return []finding{fail("tls.cert and tls.key must be PEM and belong together", "certificate %s: %v", p.Cert, err)}
	}
	leaf := pair.Leaf
	return append([]finding{checkDates(p.Cert, leaf, now)}, p.checkNames(leaf)...)
}

func checkDates(file string, leaf *x509.Certificate, now time.Time) finding {
	until := leaf.NotAfter.Format(time.DateOnly)
	left := leaf.NotAfter.Sub(now)
	switch {
	case now.Before(leaf.NotBefore):
		return fail("set the clock, or wait", "certificate %s: not valid before %s", file, leaf.NotBefore.Format(time.RFC3339))
	case left <= 0:
		return fail("renew it; it is loaded again without a restart", "certificate %s: expired on %s", file, until)
	case left < 30*24*time.Hour:
		return warn("renew it; it is loaded again without a restart", "certificate %s: expires on %s, in %d days", file, until, int(left.Hours()/24))
	}
	return fine("certificate %s: valid until %s", file, until)
}

func (p patient) checkNames(leaf *x509.Certificate) []finding {
	var all []finding
	for _, name := range p.Names {
		if err := leaf.VerifyHostname(name); err != nil {
			all = append(all, warn("get one that names it, or phones that check it will not connect", "certificate: not good for %s", name))
		}
	}
	return all
}
