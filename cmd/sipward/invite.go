package main

import (
	"encoding/pem"
	"net"
	"strconv"
	"time"

	"sipward/internal/seal"
	"sipward/internal/web"
	"sipward/provisioning"
	"sipward/sip/transport"
)

// AppConfig is the mobile app that links open.
type AppConfig struct {
	Name                string   `koanf:"name" doc:"what pages and messages call the server; empty: the domain"`
	Scheme              string   `koanf:"scheme" doc:"URL scheme of the app, for phones that do not open links in it by themselves; empty: no such button"`
	AppleStore          string   `koanf:"apple_store" doc:"https address of the app in Apple's store"`
	AndroidStore        string   `koanf:"android_store" doc:"https address of the app in Google's store"`
	AppleIDs            []string `koanf:"apple_ids" doc:"TEAMID.bundle.id, comma-separated: the apps that open our links on iOS"`
	AndroidPackage      string   `koanf:"android_package" doc:"the app that opens our links on Android"`
	AndroidFingerprints []string `koanf:"android_fingerprints" doc:"SHA-256 of its signing certificates, upper-case hex with colons"`
}

func (c AppConfig) app() provisioning.App {
	return provisioning.App{Name: c.Name, Scheme: c.Scheme, AppleStore: c.AppleStore, AndroidStore: c.AndroidStore,
		AppleIDs: c.AppleIDs, AndroidPackage: c.AndroidPackage, AndroidFingerprints: c.AndroidFingerprints}
}

func (c AppConfig) validate(v *faults) {
	for _, err := range c.app().Validate() {
		v.check(false, "%v", err)
	}
}

// inviting builds the way from a new account to a phone that rings.
func (n *node) inviting(p *provisioned, base string, cursors *web.Cursors) (err error) {
	ca, err := n.ownCA()
	if err != nil {
		return err
	}
	exempt, err := n.config.Limits.prefixes()
	if err != nil {
		return err
	}
	c := provisioning.Config{
		Exempt: exempt, Realm: n.config.Domain, Name: n.config.App.Name, BaseURL: base, Transports: n.transports(), ICE: n.iceServers(), LicenceVendor: n.config.Licence.Direct, App: n.config.App.app(), Spool: n.config.DataDir,
	}
	if ca != nil {
		c.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca}))
	}
	if c.LicenceVendor == "" {
		c.LicenceVendor = n.config.Licence.Upstream
	}
	p.life, err = provisioning.New(c, provisioning.Deps{
		Accounts: n.store.Accounts, Groups: n.store.Groups, Profiles: n.store.Profiles, Activations: n.store.Activations, Jobs: n.store.Jobs,
		Locations: n.store.Locations, Outbox: p.outbox, Messages: n.store.Outbox, Devices: n.devices, Ring: seal.NewRing("ha1", n.roots...),
		Answers: seal.NewRing("answer", n.roots...), FormKey: n.roots[0].Derive("form"), Cursors: cursors, Now: time.Now, Log: n.log,
	})
	if err == nil {
		p.public, p.running = append(p.public, p.life.Public()), append(p.running, p.life.Run)
	}
	return err
}

// transports are the ways to us that phones are told: the encrypted ones, and others only where there is none.
func (n *node) transports() []provisioning.Transport {
	host := n.config.SIP.Advertise
	if host == "" {
		host = n.config.Domain
	}
	var list []provisioning.Transport
	for _, network := range []transport.Network{transport.TLS, transport.WSS, transport.TCP, transport.UDP} {
		a := n.sip.Addr(network)
		if a == nil || len(list) > 0 && (network == transport.TCP || network == transport.UDP) {
			continue
		}
		_, s, _ := net.SplitHostPort(a.String())
		port, _ := strconv.Atoi(s) // a bound address has a number
		list = append(list, provisioning.Transport{Transport: string(network), Host: host, Port: port})
	}
	return list
}
