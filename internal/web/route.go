package web

import (
	"fmt"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
)

// Public is the role of a route that asks for no credentials.
const Public account.Role = "public"

// Handler answers a request or returns why not; it never writes an error itself.
type Handler func(*gin.Context) error

// Route is one line of the table of an API.
type Route struct {
	Method  string
	Path    string       // as gin writes it, from the root: /api/v1/groups/:id
	Role    account.Role // the least role that may use it; never empty
	MaxBody int64        // bytes; 0: 1 MiB
	Long    bool         // an upload or a download that may take minutes
	Noted   bool         // reading it is written into the audit log: it gives out much at once
	Stream  bool         // answers until the client leaves or the server drains
	Handle  Handler
}

func (r Route) check() error {
	if rank(r.Role) < 0 {
		return fmt.Errorf("route %s %s: role %q is unknown: name the least role that may use it", r.Method, r.Path, r.Role)
	}
	if r.Handle == nil {
		return fmt.Errorf("route %s %s has no handler", r.Method, r.Path)
	}
	return nil
}

// rank orders the roles, each of which includes those below it; -1 for a word that is no role.
func rank(r account.Role) int {
	switch r {
	case Public:
		return 0
	case account.Auditor:
		return 1
	case account.Operator:
		return 2
	case account.Admin:
		return 3
	case account.Superadmin:
		return 4
	}
	return -1
}

// Known reports whether r is a role that a token can have.
func Known(r account.Role) bool { return rank(r) > 0 }

// Includes reports whether one who has the role have may use what asks for want.
func Includes(have, want account.Role) bool {
	return rank(want) >= 0 && rank(have) >= rank(want)
}
