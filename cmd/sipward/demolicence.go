package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"time"

	"sipward/internal/apiclient"
	"sipward/internal/licence/fakevendor"
)

// demoFresh is how long the demo's licence is not asked for again: a second stands for the hours of a real one.
const demoFresh = time.Second

// demoVendor is the vendor's licence server, in this process.
type demoVendor struct {
	*fakevendor.Vendor
	server *http.Server
}

// demoLicences starts a vendor and points the configuration at it.
func demoLicences(ctx context.Context, c *LicenceConfig) (*demoVendor, error) {
	fake, err := fakevendor.New(time.Now)
	if err != nil {
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c.Upstream, c.PublicKey = "http://"+l.Addr().String(), base64.StdEncoding.EncodeToString(fake.Keys()[0])
	c.Fresh, c.Stale, c.Grace = demoFresh, demoFresh, time.Hour
	v := &demoVendor{fake, &http.Server{Handler: fake, ReadHeaderTimeout: time.Second}}
	go func() { _ = v.server.Serve(l) }() // ends with close
	return v, nil
}

func (v *demoVendor) close() {
	v.Close()
	_ = v.server.Close() // nothing to be saved
}

// licence invites an app by the wizard and follows its licence: from the vendor, from the cache, without the vendor, and
// through a disable.
func (t *tour) licence(ctx context.Context, group string) error {
	acc, err := t.api.CreateAccount(ctx, apiclient.NewAccount{Way: "wizard", Type: "PGSM", GroupID: group, ProfileID: "default", Owner: "Carla", Number: "1003"})
	if err != nil {
		return err
	}
	app, err := t.app(ctx, acc)
	if err != nil {
		return err
	}
	defer app.http.CloseIdleConnections()
	for _, step := range []func(context.Context, *demoApp, apiclient.Account) error{t.licensed, t.marked, t.withdrawn} {
		if err := step(ctx, app, acc); err != nil {
			return fmt.Errorf("licence: %w", err)
		}
	}
	return nil
}

func (t *tour) stateOf(ctx context.Context, acc apiclient.Account) string {
	now, err := t.api.Account(ctx, acc.ID)
	if err != nil {
		return err.Error()
	}
	return now.State
}

// licensed asks twice; the vendor hears of it once.
func (t *tour) licensed(ctx context.Context, app *demoApp, _ apiclient.Account) error {
	first, err := app.licence(ctx)
	if err != nil {
		return err
	}
	again, err := app.licence(ctx)
	if err != nil || again != first || first.code != http.StatusOK || first.State != "fresh" || t.vendor.Asked() != 1 {
		return fmt.Errorf("asked twice: %+v and %+v, the vendor %d times, %w", first, again, t.vendor.Asked(), err)
	}
	t.say("the app asks for its licence twice: %d %s, %s until %s; the vendor was asked once", first.code, first.State, first.Product, first.Expires.Format(time.DateOnly))
	return nil
}

// marked breaks the vendor and waits until the document is served beyond its time.
func (t *tour) marked(ctx context.Context, app *demoApp, acc apiclient.Account) error {
	t.vendor.Always(fakevendor.Broken)
	tick := time.NewTicker(demoFresh / 5)
	defer tick.Stop()
	for {
		got, err := app.licence(ctx)
		if err != nil || got.code != http.StatusOK {
			return fmt.Errorf("while the vendor is away: %+v, %w", got, err)
		}
		if got.State == "grace" {
			return t.shown(ctx, got, acc)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// shown is what the operator sees meanwhile.
func (t *tour) shown(ctx context.Context, got demoLicence, acc apiclient.Account) error {
	var view struct{ Source string }
	if _, err := t.api.Ask(ctx, apiclient.Request{Method: http.MethodGet, Path: "/api/v1/accounts/" + acc.ID + "/licence"}, &view); err != nil {
		return err
	}
	t.say("the vendor answers 500: %d %s, %q; the account's details say: %s", got.code, got.State, got.Warning, view.Source)
	if view.Source != "grace" {
		return fmt.Errorf("the account's details say %q, want grace", view.Source)
	}
	return nil
}

// withdrawn disables the account, whose licence is in the cache, and enables it.
func (t *tour) withdrawn(ctx context.Context, app *demoApp, acc apiclient.Account) error {
	if _, err := t.api.Disable(ctx, acc.ID, "demo"); err != nil {
		return err
	}
	refused, err := app.licence(ctx)
	if err != nil || refused.code != http.StatusForbidden {
		return fmt.Errorf("disabled: %+v, %w", refused, err)
	}
	t.say("the operator disables Carla's account: %d %s, though the cache is warm", refused.code, refused.Code)
	if _, err := t.api.Enable(ctx, acc.ID); err != nil {
		return err
	}
	got, err := app.licence(ctx)
	if err != nil || got.code != http.StatusOK {
		return fmt.Errorf("enabled: %+v, %w", got, err)
	}
	t.say("enabled again: %d %s", got.code, got.State)
	return nil
}
