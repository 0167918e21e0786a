package auth

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"

	"sipward/internal/account"
	"sipward/internal/seal"
)

// Accounts finds who claims to authenticate; account.ErrNotFound when there is none.
type Accounts interface {
	CachedByUser(ctx context.Context, user string) (account.Account, error)
}

// Blamer is told of failures; the transport bans a source past its budget.
type Blamer interface{ Blame(src netip.Addr) }

// Config of the verifier.
type Config struct {
	Realm     string
	Node      string
	NonceLife time.Duration // 60 s
	Window    int           // nonces remembered for their nc, 1<<20 at most; 0: 131072
}

// Deps of the verifier.
type Deps struct {
	Accounts Accounts
	Ring     *seal.Ring // opens HA1
	NonceKey []byte     // 32 bytes, the same on every node
	Blamer   Blamer
	Now      func() time.Time
	Log      *slog.Logger
	Metrics  prometheus.Registerer
}

// Verifier challenges and verifies. Safe for concurrent use.
type Verifier struct { /* being written */
}

// New makes a verifier.
func New(c Config, d Deps) *Verifier { panic("being written") }

// Verify returns the account that signed req, in whatever state it is. A request without valid credentials gets a
// *reply.Error: 401 for REGISTER, 407 for the rest, with fresh challenges (stale=true for an old but genuine nonce), the
// same for known and unknown users; 400 for a header that does not parse; 503 when the store is away and the account not
// known well enough. Credentials for other realms are left alone.
func (v *Verifier) Verify(ctx context.Context, req *gosip.Request, src netip.Addr) (account.Account, error) {
	panic("being written")
}

// Signed reports whether req carries credentials for our realm at all: without them the challenge costs no look-up.
func (v *Verifier) Signed(req *gosip.Request) bool { panic("being written") }

// Challenge is the refusal that asks for credentials; it needs no state and no look-up.
func (v *Verifier) Challenge(req *gosip.Request, stale bool) error { panic("being written") }
