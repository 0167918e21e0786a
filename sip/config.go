package sip

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"sipward/internal/account"
	"sipward/internal/call"
	"sipward/internal/location"
	"sipward/internal/seal"
	"sipward/media"
	"sipward/media/relay"
	"sipward/sip/announce"
	"sipward/sip/incident"
	"sipward/sip/link"
	"sipward/sip/messaging"
	"sipward/sip/session"
	"sipward/sip/transport"
	"sipward/sip/tx"
)

// Config of a SIP node; zero values mean the defaults of docs/configuration.md.
type Config struct {
	Domain string   // SIP domain and digest realm
	Node   string   // this node's id
	Hosts  []string // further host names that are ours: phones may have them as their outbound proxy

	Transport transport.Config
	Link      link.Config // to the other nodes; Node is set here
	Tx        tx.Config
	Announce  announce.Config
	Session   session.Config   // which calls' media goes through this node
	Messaging messaging.Config // Domain and Node are set here

	Mode              func(kind account.Kind, agent string) announce.Mode // sip.announce and its overrides; nil: early
	CalleeClip        media.Prompt                                        // for a disabled callee; "none": no clip
	FailureClips      []media.Prompt                                      // number-unknown, not-reachable: off unless named
	KeepDisabledCalls bool                                                // sip.disabled_calls: keep
	Quarantine        func(account.Kind) bool                             // sip.disabled_register; nil: reject
	MD5Only           func(agent string) bool                             // sip.digest_md5_agents; nil: none

	Limits    Limits
	RingTime  time.Duration // 60 s
	TimerC    time.Duration // 180 s (RFC 3261 section 16.6 step 11)
	DrainTime time.Duration // 60 s: how long calls may go on after the end was asked for
	Workers   int           // requests that wait for the store at once; 128
	Waiting   int           // requests that wait for a worker; 4096, then 503
}

// Accounts finds accounts. The Cached ones may answer from a cache that the change stream keeps true.
type Accounts interface {
	States
	CachedByUser(ctx context.Context, user string) (account.Account, error)
	CachedByNumber(ctx context.Context, n account.Number) (account.Account, error)
	ByNumber(ctx context.Context, n account.Number) (account.Account, error)
}

// Locations keeps bindings.
type Locations interface {
	Update(ctx context.Context, id account.ID, f func(account.Account, location.Set) (location.Set, error)) (location.Set, error)
	Lookup(ctx context.Context, id account.ID) (account.Account, location.Set, error)
	Remove(ctx context.Context, id account.ID, node, flow string) error
}

// Calls is told of every call that has ended, also of those refused and announced. It must not block.
type Calls interface{ Ended(call.Record) }

// Deps of a SIP node.
type Deps struct {
	Accounts  Accounts
	Locations Locations
	Changes   Changes
	Calls     Calls           // nil: nobody keeps call records
	Nodes     link.Nodes      // nil: there are no other nodes
	Sessions  Sessions        // nil: nobody keeps the log of SIP sessions
	Traces    Traces          // nil: no account can be traced
	Spans     trace.Tracer    // of OpenTelemetry; nil: no request is followed
	Parcels   messaging.Store // nil: no message is kept; with it goes Post
	Post      Post
	Clips     *media.Library
	Ports     *media.Ports
	Pacer     *media.Pacer
	Relay     *relay.Relay // nil: the media of calls flows between the phones
	Transport transport.Deps
	Ring      *seal.Ring // opens credentials
	NonceKey  []byte     // 32 bytes, the same on every node
	CookieKey []byte     // 32 bytes, the same on every node
	Exempt    []netip.Prefix
	Told      func(incident.Incident) // of security incidents; it must not block; nil: nobody watches
	Now       func() time.Time
	Log       *slog.Logger
	Metrics   prometheus.Registerer
}
