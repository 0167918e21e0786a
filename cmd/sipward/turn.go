package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"sipward/internal/account"
	"sipward/media/turn"
	"sipward/provisioning"
)

// TURNConfig is the TURN server for phones that do ICE.
type TURNConfig struct {
	UDP        []string      `koanf:"udp" doc:"TURN server for phones that do ICE: addresses to listen on, comma-separated; empty: off (docs/media.md)"`
	TCP        []string      `koanf:"tcp" doc:"the same for TCP"`
	TLS        []string      `koanf:"tls" doc:"the same for TLS"`
	Ports      string        `koanf:"ports" doc:"UDP ports for relayed addresses, first-last"`
	Allow      []string      `koanf:"allow" doc:"private networks (CIDR) that phones may reach through TURN; empty: only the open internet, and each other"`
	PerAccount int           `koanf:"per_account" doc:"allocations of one account at a time, on each node; a call takes one or two for each phone and line"`
	Lifetime   time.Duration `koanf:"lifetime" doc:"how long a credential in the JSON configuration is good"`
}

// on reports whether the server listens anywhere.
func (c TURNConfig) on() bool { return len(c.UDP)+len(c.TCP)+len(c.TLS) > 0 }

func (c MediaConfig) validateTURN(v *faults) {
	t := c.TURN
	for key, list := range map[string][]string{"media.turn.udp": t.UDP, "media.turn.tcp": t.TCP, "media.turn.tls": t.TLS} {
		v.addresses(key, list)
	}
	lo, hi, err := portRange(t.Ports)
	v.check(err == nil, "media.turn.ports: %v", err)
	first, last, errMedia := c.ports()
	v.check(err != nil || errMedia != nil || hi < first || lo > last, "media.turn.ports: %s overlaps media.ports %s: give each its own", t.Ports, c.Ports)
	_, err = networks(t.Allow)
	v.check(err == nil, "media.turn.allow: %v", err)
	v.check(t.PerAccount >= 1, "media.turn.per_account: want at least 1")
	v.check(t.Lifetime >= time.Minute, "media.turn.lifetime: want at least 1m")
	if a, err := parseAddr(c.Address); t.on() && err == nil {
		v.check(a.Is4(), "media.turn: set media.address to the IPv4 address at which phones reach this machine: relayed candidates name it")
	}
}

// turnServer builds the TURN server; none when it is off.
func (n *node) turnServer() (err error) {
	c := n.config.Media
	if !c.TURN.on() {
		return nil
	}
	conf := turn.Config{UDP: c.TURN.UDP, TCP: c.TURN.TCP, TLS: c.TURN.TLS, Realm: n.config.Domain, PerAccount: c.TURN.PerAccount}
	if conf.Address, err = parseAddr(c.Address); err != nil {
		return fmt.Errorf("media.address: %w", err)
	}
	if conf.Ports.First, conf.Ports.Last, err = portRange(c.TURN.Ports); err != nil {
		return err
	}
	if conf.Media.First, conf.Media.Last, err = c.ports(); err != nil {
		return err
	}
	if conf.Allow, err = networks(c.TURN.Allow); err != nil {
		return fmt.Errorf("media.turn.allow: %w", err)
	}
	n.turn, err = turn.New(conf, turn.Deps{
		Key: n.turnKey(), Active: active(n.store.Accounts.CachedByID), Truth: active(n.store.Accounts.ByID),
		ServeTLS: n.pair.Server(), Now: time.Now, Log: n.log, Metrics: n.registry,
	})
	return err
}

func (n *node) turnKey() []byte { return n.roots[0].Derive("turn") }

// active makes a reader of accounts tell whether one is in service.
func active(read func(context.Context, account.ID) (account.Account, error)) func(context.Context, string) (bool, error) {
	return func(ctx context.Context, id string) (bool, error) {
		a, err := read(ctx, account.ID(id))
		if errors.Is(err, account.ErrNotFound) {
			return false, nil
		}
		return a.State() == account.Active, err
	}
}

// runTURN serves and follows the accounts that go out of service, until ctx ends.
func (n *node) runTURN(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if err := n.turnRound(ctx); err != nil && ctx.Err() == nil {
				n.log.Warn("change stream interrupted: disables reach TURN allocations within 30 s", "err", err)
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
				}
			}
		}
	}()
	err := n.turn.Run(ctx)
	<-done
	return err
}

func (n *node) turnRound(ctx context.Context) error {
	head, err := n.store.Changes.Head(ctx)
	if err != nil {
		return err
	}
	n.turn.Sweep(ctx)
	for change, err := range n.store.Changes.After(ctx, head) {
		if err != nil {
			return err
		}
		if change.Topic == account.TopicAccount && (change.Deleted || change.State != account.Active) {
			n.turn.End(change.ID)
		}
	}
	return nil
}

// onceLife is how long a credential is good in a configuration that its phone will not fetch again.
const onceLife = 365 * 24 * time.Hour

// iceServers tells phones where STUN and TURN are; nil when the server is off.
func (n *node) iceServers() provisioning.ICE {
	if n.turn == nil {
		return nil
	}
	stun, relays := n.iceAddresses()
	key, life := n.turnKey(), n.config.Media.TURN.Lifetime
	return func(id account.ID, now time.Time, once bool) (list []provisioning.ICEServer) {
		until := now.Truncate(life / 2).Add(life) // the same for half its life, so that there is something to cache
		if once {
			until = now.Add(onceLife)
		}
		if len(stun) > 0 {
			list = append(list, provisioning.ICEServer{URLs: stun})
		}
		c := turn.Issue(key, string(id), until)
		return append(list, provisioning.ICEServer{URLs: relays, Username: c.Username, Password: c.Password, Expires: c.Expires.UTC()})
	}
}

// iceAddresses are the server's addresses as URLs (RFC 7064, RFC 7065).
func (n *node) iceAddresses() (stun, relays []string) {
	host := n.config.SIP.Advertise
	if host == "" {
		host = n.config.Domain
	}
	for _, w := range []struct{ network, scheme, transport string }{{"udp", "turn:", "udp"}, {"tcp", "turn:", "tcp"}, {"tls", "turns:", "tcp"}} {
		a := n.turn.Addr(w.network)
		if a == nil {
			continue
		}
		_, port, _ := net.SplitHostPort(a.String())
		at := net.JoinHostPort(host, port)
		if w.network == "udp" {
			stun = []string{"stun:" + at}
		}
		relays = append(relays, w.scheme+at+"?transport="+w.transport)
	}
	return stun, relays
}
