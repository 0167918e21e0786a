package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"sipward/admin"
	"sipward/admin/access"
	"sipward/admin/hooks"
	"sipward/internal/account"
	"sipward/internal/parcel"
	"sipward/internal/pki"
	"sipward/internal/seal"
	"sipward/internal/store"
	"sipward/internal/telemetry"
	"sipward/internal/web"
	"sipward/licenceproxy"
	"sipward/media"
	"sipward/media/relay"
	"sipward/media/turn"
	"sipward/provisioning"
	"sipward/sip"
	"sipward/sip/announce"
	"sipward/sip/link"
	"sipward/sip/session"
	"sipward/sip/transport"
)

// node is one whole process: every part, wired. Nothing is bound or running yet.
type node struct {
	config      Config
	id          string
	log         *slog.Logger
	registry    *prometheus.Registry
	health      *telemetry.Health
	roots       []seal.Root
	pair        *pki.Pair
	files       pki.Files
	store       *store.Store
	clips       *media.Library
	ports       *media.Ports
	pacer       *media.Pacer
	relay       *relay.Relay // nil: media.relay is never, for everybody
	turn        *turn.Server // nil: it listens nowhere
	sip         *sip.Server
	records     records
	collector   *collector       // nil: syslog.url is empty
	spans       *telemetry.Spans // nil: trace.otlp is empty
	provisioned *provisioned     // set by run: links hold the port of the bound listener
	devices     *web.Devices
	licences    *licenceproxy.Proxy
	directory   *provisioning.KeyDirectory
	self        *late       // the admin API, once it is built
	hooks       *hooks.API  // likewise
	access      *access.API // set by run: links hold the port of the bound listener
	parcels     *parcel.Post
	messenger   *provisioning.Messenger
	token       account.Secret // that lets the first operator in
	started     time.Time
}

// newNode opens the store and builds every part; the error is one line that names the mend.
func newNode(ctx context.Context, c Config, log *slog.Logger) (n *node, err error) {
	n = &node{config: c, log: log, registry: telemetry.NewRegistry(version()), started: time.Now()}
	if n.roots, err = rootKeys(c); err != nil {
		return nil, err
	}
	if n.id, err = nodeID(c); err != nil {
		return nil, err
	}
	if c.Admin.guessable() {
		n.log.Warn("admin.bootstrap_token is short and may be guessed: " + longToken)
	}
	if n.token, err = bootstrapToken(c, n.roots[0]); err != nil {
		return nil, err
	}
	if err = n.certificate(); err != nil {
		return nil, err
	}
	opened := c.storeConfig()
	opened.Node, opened.Patience, opened.Cache = n.id, storePatience, cachedAccounts()
	opened.Directory = c.HTTP.Admin != ""
	if n.spans, err = telemetry.NewSpans(ctx, c.Trace.spans(n.id), log); err != nil {
		return nil, err
	}
	opened.Spans = n.spans.Tracer()
	for _, r := range n.roots {
		opened.AuditKeys = append(opened.AuditKeys, r.Derive("audit chain"))
	}
	if err = n.collect(ctx); err != nil {
		return nil, err
	}
	if n.collector != nil {
		opened.OnAudit = n.collector.audited
	}
	if n.store, err = store.Open(ctx, opened, log, n.registry); err != nil {
		return nil, err
	}
	n.health = telemetry.NewHealth(telemetry.Probe{Name: "store", Check: n.store.Ping})
	claim := func(ctx context.Context) error { return n.store.Claim(ctx, rootChecks(n.roots)...) }
	err = n.store.Patiently(ctx, claim)
	n.journals(ctx)
	for _, part := range []func() error{n.media, n.turnServer, n.mailroom, n.signalling, n.licensing, n.messaging} {
		if err == nil {
			err = part()
		}
	}
	if err != nil {
		_ = n.store.Close() // the first error is the one to tell
		return nil, err
	}
	return n, nil
}

func (c Config) storeConfig() store.Config {
	return store.Config{URL: c.Redis.URL, Dir: filepath.Join(c.DataDir, "store"), Fsync: c.Store.Fsync, MaxStaleness: c.Store.MaxStaleness,
		KeepCalls: keep(c.Retention.Calls), KeepSessions: keep(c.Retention.SIPSessions), KeepSignIns: keep(c.Retention.SignIns),
		KeepParcels: keep(c.Retention.Messages), KeepAudit: c.Retention.Audit}
}

func (n *node) certificate() (err error) {
	n.files = pki.Files{Cert: n.config.TLS.Cert, Key: n.config.TLS.Key}
	if n.config.TLS.Cert == "" {
		if n.files, err = pki.Ensure(filepath.Join(n.config.DataDir, "tls"), n.config.names(), n.roots[len(n.roots)-1].Derive("ca"), time.Now()); err != nil {
			return err
		}
	}
	if n.pair, err = pki.Open(n.files.Cert, n.files.Key, n.log); err != nil {
		return err
	}
	promauto.With(n.registry).NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: telemetry.Namespace, Name: "certificate_not_after_seconds", Help: "End of the server's certificate, in seconds since 1970.",
	}, func() float64 { return float64(n.pair.Leaf().NotAfter.Unix()) })
	return nil
}

func (n *node) media() (err error) {
	if n.clips, err = media.NewLibrary(media.Shipped()); err != nil {
		return err
	}
	lo, hi, err := n.config.Media.ports()
	if err != nil {
		return err
	}
	if n.ports, err = media.NewPorts(netip.IPv4Unspecified(), lo, hi); err != nil {
		return err
	}
	n.pacer = media.NewPacer(n.config.Media.MaxStreams, n.log, n.registry)
	if c := n.config.Media; c.relays() {
		n.relay, err = relay.New(relay.Config{Silence: c.silence(), PerOwner: n.config.Limits.RelayedLines}, relay.Deps{Ports: n.ports, Log: n.log, Metrics: n.registry})
	}
	return err
}

func (n *node) signalling() (err error) {
	c := n.config
	exempt, err := c.Limits.prefixes()
	if err != nil {
		return err
	}
	address, err := parseAddr(c.Media.Address)
	if err != nil {
		return fmt.Errorf("media.address: %w", err)
	}
	count, window, err := c.Limits.announcements()
	if err != nil {
		return err
	}
	tls, err := n.sipTLS()
	if err != nil {
		return err
	}
	root := n.roots[0]
	var nodes link.Nodes
	if c.Redis.URL != "" { // the embedded store has one node
		nodes = n.store.Nodes
	}
	n.sip, err = sip.New(sip.Config{
		Domain: c.Domain, Node: n.id, Hosts: append(c.names(), n.pair.Leaf().DNSNames...),
		Transport: transport.Config{
			UDP: c.SIP.UDP, TCP: c.SIP.TCP, TLS: c.SIP.TLS, WSS: c.SIP.WSS, Advertise: c.SIP.Advertise,
			Limits: transport.Limits{PerAddress: c.Limits.ConnectionsPerAddress},
		},
		Announce: announce.Config{PerListener: count, Window: window, Address: address},
		Session:  session.Config{Mode: c.Media.mode, Across: c.Media.RelayAcrossNodes, Address: address},
		Mode:     c.SIP.mode, CalleeClip: media.Prompt(c.SIP.CalleeClip), FailureClips: prompts(c.SIP.AnnounceFailures),
		KeepDisabledCalls: c.SIP.DisabledCalls == "keep", Quarantine: c.SIP.quarantine, MD5Only: c.SIP.md5Only,
		Link:     link.Config{Listen: c.Node.Listen, Keys: linkKeys(n.roots)},
		Limits:   sip.Limits{Calls: c.Limits.CallsPerAccount, CallsPerMinute: c.Limits.CallsPerMinute, Prefixes: c.Limits.Destinations},
		RingTime: c.SIP.RingTime, DrainTime: max(c.SIP.DrainTime, time.Millisecond),
	}, sip.Deps{
		Accounts: n.store.Accounts, Locations: n.store.Locations, Changes: n.store.Changes,
		Nodes: nodes, Calls: n.records, Sessions: n.records.sessions, Traces: n.records, Spans: n.spans.Tracer(), Parcels: n.store.Parcels, Post: n.parcels, Clips: n.clips, Ports: n.ports, Pacer: n.pacer, Relay: n.relay,
		Transport: transport.Deps{
			TLS: tls, TokenKey: root.Derive("flow token"), Node: n.id, Exempt: exempt, Log: n.log, Metrics: n.registry,
		},
		Ring: seal.NewRing("ha1", n.roots...), NonceKey: root.Derive("nonce"), CookieKey: root.Derive("dialog cookie"),
		Exempt: exempt, Told: n.collector.told(), Now: time.Now, Log: n.log, Metrics: n.registry,
	})
	return err
}

// mode is how an account type with a User-Agent hears announcements; the agent's override beats the type's.
func (c SIPConfig) mode(kind account.Kind, agent string) announce.Mode {
	for prefix, mode := range c.AnnounceByAgent {
		if strings.HasPrefix(strings.ToLower(agent), strings.ToLower(prefix)) {
			return announce.Mode(mode)
		}
	}
	if mode, ok := c.AnnounceByType[string(kind)]; ok {
		return announce.Mode(mode)
	}
	return announce.Mode(c.Announce)
}

func (c SIPConfig) quarantine(kind account.Kind) bool {
	if mode, ok := c.DisabledRegisterByType[string(kind)]; ok {
		return mode == "quarantine"
	}
	return c.DisabledRegister == "quarantine"
}

// md5Only reports whether a phone is known to give up at a challenge with SHA-256 (RFC 8760 came in 2020).
func (c SIPConfig) md5Only(agent string) bool {
	return slices.ContainsFunc(c.DigestMD5Agents, func(prefix string) bool { return strings.HasPrefix(agent, prefix) })
}

func prompts(names []string) []media.Prompt {
	var list []media.Prompt
	for _, n := range names {
		list = append(list, media.Prompt(n))
	}
	return list
}

// adminTables are the routes of the operators' listener.
func (n *node) adminTables() ([][]web.Route, error) {
	cursors := web.NewCursors(n.roots[0].Derive("cursor"))
	operatorAPI, err := admin.New(admin.Deps{
		// the state
		Accounts:  n.store.Accounts,
		Counts:    n.store.Accounts,
		Groups:    n.store.Groups,
		Profiles:  n.store.Profiles,
		Locations: n.store.Locations,
		Changes:   n.store.Changes,
		Effects:   n.store,
		Nodes:     n.store.Nodes,
		Tokens:    n.store.Tokens,
		Licences:  n.licences,

		// the logs
		CallLog:  n.store.Calls,
		Audit:    n.store.Audit,
		Sessions: n.store.Sessions,
		Traces:   n.store.Traces,
		SignIns:  n.store.SignIns,
		Messages: n.store.Parcels,
		Fetches:  n.store.Phones,
		Mask:     n.config.Log.MaskDigits,

		// announcements
		Clips:   n.store.Clips,
		Shipped: media.Shipped(),
		Check:   playable,

		// this node
		Calls:     n,
		Health:    n.health,
		Self:      func(w http.ResponseWriter, r *http.Request) { n.self.ServeHTTP(w, r) },
		CertUntil: func() time.Time { return n.pair.Leaf().NotAfter },
		Cursors:   cursors,
		Ring:      seal.NewRing("export", n.roots...),
		Version:   version(),
		Now:       time.Now,
	})
	if err != nil {
		return nil, err
	}
	return [][]web.Route{
		n.provisioned.life.Routes(),
		operatorAPI.Routes(),
		n.provisioned.outbox.Routes(),
		n.provisioned.desk.Routes(),
		n.directory.Routes(),
		n.messenger.Routes(),
		n.access.Routes(),
		n.hooks.Routes(),
	}, nil
}
