package phone

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// challenge is the last one a realm gave us, kept so that the next request answers it unasked (RFC 3261 section 22.3).
type challenge struct {
	ask   digest.Challenge
	count int    // nc of the last use
	where string // the header that answers it: Authorization or Proxy-Authorization
}

var errNoPassword = errors.New("the server asks for a password: set user and password")

// learn takes the challenge out of a 401 or 407: the best algorithm that both sides speak, SHA-256 before MD5
// (RFC 8760 section 2.4). It fails when this very challenge has just refused our answer.
func (p *Phone) learn(r *gosip.Response, answered bool) error {
	ask, where := "WWW-Authenticate", "Authorization"
	if r.StatusCode == 407 {
		ask, where = "Proxy-Authenticate", "Proxy-Authorization"
	}
	best, err := p.pick(Headers(r, ask))
	if err != nil {
		return err
	}
	if p.cfg.User == "" {
		return errNoPassword
	}
	if answered && !best.Stale {
		return errRefused
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.challenge[where] = &challenge{ask: *best, where: where}
	return nil
}

var errRefused = errors.New("the user name or the password is wrong")

func (p *Phone) pick(offered []string) (*digest.Challenge, error) {
	var best *digest.Challenge
	for _, v := range offered {
		c, err := digest.ParseChallenge(v)
		if err != nil || !digest.CanDigest(c) {
			continue
		}
		algorithm := or(strings.ToUpper(c.Algorithm), "MD5")
		switch {
		case p.cfg.Digest != "" && algorithm != p.cfg.Digest:
		case best == nil, algorithm == "SHA-256" && !strings.EqualFold(best.Algorithm, "SHA-256"):
			best = c
		}
	}
	if best == nil {
		return nil, fmt.Errorf("the server offers no digest that we speak: %q", offered)
	}
	return best, nil
}

// authorise adds the answers to the challenges known, each with the next nonce count. It reports whether any was added.
func (p *Phone) authorise(m *message, method, uri string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	added := false
	for _, k := range slices.Sorted(maps.Keys(p.challenge)) { // always in one order: transcripts are compared
		c := p.challenge[k]
		c.count++
		cred, err := digest.Digest(&c.ask, digest.Options{
			Method: method, URI: uri, Count: c.count, Username: p.cfg.User, Password: string(p.cfg.Password),
		})
		if err != nil {
			continue // auth-int without a body reader: the server will say so
		}
		m.set(c.where, cred.String())
		added = true
	}
	return added
}
