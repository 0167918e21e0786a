package web

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"sipward/internal/account"
)

// Scopes are what a token of the role api may be allowed, one by one.
func Scopes() []string {
	return []string{
		"accounts:read", "accounts:write", "audit:read", "calls:read", "clips:read", "clips:write", "groups:read", "groups:write", "keys:revoke", "messages:read", "messages:send",
		"phones:read", "phones:write", "system:admin", "system:read",
	}
}

// ScopeOf is the scope that a route asks of a token of the role api; "" for a route that is open to all who are known.
func ScopeOf(r Route) string {
	path, _ := strings.CutPrefix(r.Path, "/api/v1/")
	first, rest, _ := strings.Cut(path, "/")
	first, _, _ = strings.Cut(first, `\`)
	switch {
	case r.Role == Public || first == "session":
		return ""
	case r.Role == account.Superadmin, strings.Contains(rest, "/trace"): // more than the account's own state: who talks with whom
		return "system:admin"
	case strings.HasSuffix(rest, "/revoke-keys"):
		return "keys:revoke"
	case strings.HasSuffix(rest, "/messages") && r.Method == http.MethodPost, first == "outbox" && r.Method == http.MethodPost:
		return "messages:send"
	}
	noun := map[string]string{
		"accounts": "accounts", "groups": "groups", "profiles": "groups", "clips": "clips", "phones": "phones", "fetch-log": "phones", "calls": "calls", "sip-sessions": "calls",
		"audit": "audit", "sign-ins": "audit", "outbox": "messages", "messages": "messages",
	}[first]
	if noun == "" {
		noun = "system"
	}
	scope := noun + ":read"
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		scope = noun + ":write"
	}
	if !slices.Contains(Scopes(), scope) {
		return "system:admin"
	}
	return scope
}

// may reports whether the principal may use the route: by role, or by scope when the role is api.
func may(p Principal, r Route) bool {
	if p.Role != account.Scoped {
		return Includes(p.Role, r.Role)
	}
	scope := ScopeOf(r)
	return scope == "" || slices.Contains(p.Scopes, scope)
}

// within reports whether a token may be used from an address.
func within(networks []string, ip string) bool {
	if len(networks) == 0 {
		return true
	}
	a, err := netip.ParseAddr(ip)
	return err == nil && slices.ContainsFunc(networks, func(n string) bool {
		p, err := netip.ParsePrefix(n)
		return err == nil && p.Contains(a.Unmap())
	})
}
