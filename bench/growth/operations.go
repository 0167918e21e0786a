package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/store"
)

// grow makes accounts, each with one binding, until there are n.
func (r *rig) grow(ctx context.Context, n int) error {
	from := len(r.ids)
	r.ids = append(r.ids, make([]account.ID, n-from)...)
	return r.each(ctx, n-from, func(ctx context.Context, i int) error {
		now := time.Now()
		user := fmt.Sprintf("10%07d", from+i)
		a := account.Account{
			ID: account.NewID(), Way: account.Plain, Kind: account.PGSM, User: user, Number: account.Number("+39" + user), Owner: "Load " + user,
			Language: "en", Security: account.EndToSite, Activated: &account.Activation{At: now, Method: account.ByHand}, Created: now, Updated: now,
		}
		a, err := r.nodes[0].Accounts.Create(ctx, a)
		if errors.Is(err, account.ErrTaken) { // by a try whose answer was lost
			a, err = r.nodes[0].Accounts.ByUser(ctx, user)
		}
		if err != nil {
			return err
		}
		r.ids[from+i] = a.ID
		return r.register(ctx, from+i)
	})
}

// register is what a refresh does to the store.
func (r *rig) register(ctx context.Context, i int) error {
	_, err := r.node(i).Locations.Update(ctx, r.ids[i], func(_ account.Account, s location.Set) (location.Set, error) {
		b := location.Binding{ // at no node, so that each look-up asks the store
			Contact: "<sip:10000000@192.0.2.1:5060>", URI: "sip:10000000@192.0.2.1:5060", CallID: "call", Q: 1, Network: "tls", Flow: "flow",
			Agent: "load", Cipher: "TLS_AES_128_GCM_SHA256", Received: netip.MustParseAddrPort("192.0.2.1:5060"),
		}
		if len(s.Bindings) > 0 {
			b.CSeq = s.Bindings[0].CSeq + 1
		}
		b.Since, b.Expires = time.Now(), time.Now().Add(10*time.Minute)
		s.Bindings = []location.Binding{b}
		return s, nil
	})
	return err
}

// lookup is what a call does to find its callee.
func (r *rig) lookup(ctx context.Context, i int) error {
	_, _, err := r.node(i).Locations.Lookup(ctx, r.ids[i])
	return err
}

// node is where an account's phone registers and its calls come in: phones stay with theirs.
func (r *rig) node(i int) *store.Store { return r.nodes[i%len(r.nodes)] }
