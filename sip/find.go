package sip

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/sip/dialog"
	"sipward/sip/gruu"
	"sipward/sip/proxy"
	"sipward/sip/reply"
	"sipward/sip/tx"
)

// find reads the truth about the callee: who is dialled, in which state, and where its phones are. A GRUU leads to one of
// them alone (RFC 5627 section 5.4).
func (s *Server) find(ctx context.Context, op account.Op, req *gosip.Request) (proxy.Call, verdict, error) {
	target, one, broken := s.gruu.Read(&req.Recipient)
	if broken {
		return proxy.Call{}, unknownNumber(), nil
	}
	dialled := dialledUser(&req.Recipient)
	callee, set, err := s.look(ctx, target, dialled)
	if errors.Is(err, account.ErrNotFound) {
		return proxy.Call{}, unknownNumber(), nil
	}
	if err != nil {
		return proxy.Call{}, verdict{}, reply.Unavailable(err)
	}
	found := proxy.Call{Callee: callee, Bindings: set.Usable(callee, s.deps.Now()), Dialled: dialled}
	if one {
		found.Dialled, found.Bindings = string(callee.Number), target.Keep(found.Bindings)
	}
	if s.outdated(callee) { // it was read just before the change
		callee = suspended()
	}
	return found, decideCallee(op, callee, s.calleeClip()), nil
}

// look reads the account of a temporary GRUU, or of a number, together with its bindings.
func (s *Server) look(ctx context.Context, target gruu.Target, dialled string) (account.Account, location.Set, error) {
	if target.Account != "" {
		return s.deps.Locations.Lookup(ctx, target.Account)
	}
	number, err := account.ParseNumber(dialled)
	if err != nil {
		return account.Account{}, location.Set{}, account.ErrNotFound
	}
	callee, err := s.deps.Accounts.CachedByNumber(ctx, number)
	if err != nil {
		return account.Account{}, location.Set{}, err
	}
	callee, set, err := s.deps.Locations.Lookup(ctx, callee.ID)
	if (err == nil || errors.Is(err, account.ErrNotFound)) && !slices.Contains(callee.Numbers(), number) {
		return s.moved(ctx, number) // the cache lags behind: the number is another's now, or nobody's
	}
	return callee, set, err
}

// moved reads the truth about a number that is not the account's the cache named.
func (s *Server) moved(ctx context.Context, n account.Number) (account.Account, location.Set, error) {
	callee, err := s.deps.Accounts.ByNumber(ctx, n)
	if err != nil {
		return account.Account{}, location.Set{}, err
	}
	return s.deps.Locations.Lookup(ctx, callee.ID)
}

// dialledUser is the user part of a Request-URI without its parameters, or the number of a tel URI (RFC 3966).
func dialledUser(uri *gosip.Uri) string {
	user := uri.User
	if uri.Scheme == "tel" {
		user = uri.Raw()
	}
	user, _, _ = strings.Cut(user, ";")
	if plain, err := url.PathUnescape(user); err == nil {
		return plain
	}
	return user
}

// registered is the contact that a caller has registered over its flow, when its Contact is a GRUU: what is sent to that
// within the call goes to the contact. The zero URI when the Contact is none, or the caller has not registered.
func (s *Server) registered(ctx context.Context, t *tx.Server, caller account.Account) (contact gosip.Uri) {
	named, _ := dialog.Contact(t.Request())
	if !named.UriParams.Has(gruu.Param) {
		return contact
	}
	_, set, err := s.deps.Locations.Lookup(ctx, caller.ID)
	if err != nil {
		s.log.Debug("contact behind a GRUU not found", s.fields(t, caller, "err", err)...)
		return contact
	}
	for _, b := range set.Live(s.deps.Now()) {
		if b.Node == s.config.Node && b.Flow == t.Flow().Token() {
			_ = gosip.ParseUri(b.URI, &contact) // it was parsed when it was bound
		}
	}
	return contact
}
