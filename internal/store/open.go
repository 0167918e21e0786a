package store

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"sipward/internal/account"
	"sipward/internal/audit"
	"sipward/internal/store/kv"
	"sipward/internal/store/kv/embedded"
	"sipward/internal/store/kv/redis"
)

// Config says where the state lies.
type Config struct {
	URL          string            // redis://, rediss://, redis+sentinel://host,host/master, redis+cluster://…; empty: embedded
	Dir          string            // of the embedded store
	Node         string            // the name that bindings made here bear; none: each look-up asks the store, each change is announced
	Fsync        string            // embedded: "always" (default) or "interval"
	MaxStaleness time.Duration     // how long a cached account may be trusted while the change stream is silent; 30 s
	KeepCalls    time.Duration     // how long ended calls are kept; 0: 90 days, negative: not at all
	KeepSessions time.Duration     // the same for the SIP sessions log; 0: 30 days
	KeepSignIns  time.Duration     // the same for the sign-in log; 0: a year
	KeepParcels  time.Duration     // the same for the log of secure messages; 0: 30 days
	KeepAudit    time.Duration     // the same for the audit log; 0: for ever
	Directory    bool              // remember what accounts are found by: for nodes that serve operators
	AuditKeys    audit.Keys        // bind the audit log to the root key, the newest first; none: its hashes alone tell
	OnAudit      func(audit.Entry) // told of each entry this process wrote; nil: nobody
	Cache        int               // accounts that the node remembers, at about 2 KiB; 0: 32768. More in use at a time cost a read of the store each time
	Spans        trace.Tracer      // of OpenTelemetry; nil: no round trip is followed
	Patience     time.Duration     // how long Open, and each step taken Patiently, waits for Redis to answer
	Prefix       string            // put before every key in Redis; tests share one Redis by it
	Now          func() time.Time  // the clock; nil: time.Now
}

// defaultStaleness is how long known accounts are served without the store, unless store.max_staleness says otherwise.
const defaultStaleness = 30 * time.Second

// Open connects, or fails with one line that names the mend; it never falls back from Redis to the embedded store.
func Open(ctx context.Context, c Config, log *slog.Logger, m prometheus.Registerer) (*Store, error) {
	port, err := dial(ctx, c, log, m)
	if err != nil {
		return nil, err
	}
	return New(ctx, port, c, log, m)
}

// dial opens the adapter that the configuration names.
func dial(ctx context.Context, c Config, log *slog.Logger, m prometheus.Registerer) (kv.Store, error) {
	if c.URL != "" {
		return redis.Open(ctx, redis.Config{URL: c.URL, Prefix: c.Prefix, Patience: c.Patience, Log: log, Metrics: m})
	}
	return embedded.Open(embedded.Config{Dir: c.Dir, Fsync: c.Fsync, Log: log})
}

// New builds the repositories on a port that is open already, finishes what a crash left behind, and owns the port from
// then on; when it fails the port is closed.
func New(ctx context.Context, port kv.Store, c Config, log *slog.Logger, m prometheus.Registerer) (*Store, error) {
	c.KeepCalls, c.KeepSessions = cmp.Or(c.KeepCalls, 90*24*time.Hour), cmp.Or(c.KeepSessions, 30*24*time.Hour)
	c.KeepSignIns = cmp.Or(c.KeepSignIns, 365*24*time.Hour)
	c.KeepParcels = cmp.Or(c.KeepParcels, 30*24*time.Hour)
	if c.Now == nil {
		c.Now = time.Now
	}
	written := audited{Store: tracing(port, c.Spans), keys: c.AuditKeys, now: c.Now, note: c.OnAudit}
	core := newCore(written, c, log, m)
	core.soon, _ = port.(kv.Beginner) // what a phone does is no act of an operator: nothing to audit
	s := &Store{
		Accounts:    &Accounts{c: core},
		Devices:     &Devices{accounts: &Accounts{c: core}},
		Licences:    &Licences{c: core},
		MessageKeys: &MessageKeys{accounts: &Accounts{c: core}},
		Locations:   &Locations{c: core},
		Changes:     &Changes{c: core},
		Groups:      &Groups{c: core},
		Tokens:      &Tokens{c: core},
		Clips:       &Clips{c: core},
		Nodes:       &Nodes{c: core},
		Calls:       newCalls(core, c.KeepCalls),
		Sessions:    newSessions(core, c.KeepSessions),
		Profiles:    newProfiles(core),
		Jobs:        newJobs(core),
		Activations: newActivations(core),
		Outbox:      newOutbox(core),
		Parcels:     newParcels(core, c.KeepParcels),
		Phones:      newPhones(core),
		Operators:   newOperators(core),
		Replays:     newReplays(core),
		Failures:    newFailures(core),
		Webhooks:    newWebhooks(core),
		Traces:      newTraces(core),
		Audit:       &Audit{c: core, port: written, keep: c.KeepAudit},
		SignIns:     newSignIns(core, c.KeepSignIns),
		c:           core,
		patience:    c.Patience,
	}
	begin := func(ctx context.Context) error { return errors.Join(core.identify(ctx), s.Sweep(ctx)) }
	if err := s.Patiently(ctx, begin); err != nil {
		return nil, errors.Join(err, port.Close())
	}
	return s, nil
}

func newCore(port kv.Store, c Config, log *slog.Logger, r prometheus.Registerer) *core {
	m := newMetrics(r)
	if c.MaxStaleness == 0 {
		c.MaxStaleness = defaultStaleness
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	seed := maphash.MakeSeed()
	core := &core{
		kv: port, keys: newKeyspace(), now: c.Now, log: log, m: m, stale: c.MaxStaleness, node: c.Node,
		dir:   directoryOf(c),
		cache: newCache(c.Cache), away: newAway(m.deferred), seed: seed,
		accounts:  newCodec(func(a *account.Account) string { return string(a.ID) }),
		tokens:    newCodec(func(t *account.Token) string { return t.ID }),
		clips:     newCodec(func(c *clipRecord) string { return c.Name }),
		locations: newLocationCodec(seed),
		licences:  newCodec(func(l *licenceRecord) string { return string(l.Account) }),
	}
	core.groups = newGroups(core)
	for i := range core.turns {
		core.turns[i] = make(chan struct{}, 1)
	}
	return core
}

func directoryOf(c Config) *directory {
	if !c.Directory {
		return nil
	}
	return newDirectory()
}
