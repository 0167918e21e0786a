package apitest

import (
	"context"
	"log/slog"
	"time"

	"sipward/internal/account"
	"sipward/internal/message"
	"sipward/internal/seal"
	"sipward/internal/web"
	"sipward/provisioning/outbox"
	"sipward/provisioning/snom"
)

// Gateway is a sender that takes whatever it is given.
type Gateway struct{}

// Name implements the outbox's Sender.
func (*Gateway) Name() string { return "test" }

// Send implements the outbox's Sender.
func (*Gateway) Send(_ context.Context, m message.Message) ([]string, error) {
	return []string{string(m.ID)}, nil
}

// desk makes the outbox, which does not run unless a test runs it, and the provisioning of desk phones.
func (a *API) desk(cursors *web.Cursors) []web.Route {
	a.t.Helper()
	a.Gateway = &Gateway{}
	var err error
	a.Outbox, err = outbox.New(outbox.Config{PerRecipient: 3}, outbox.Deps{
		Store: a.Store.Outbox, Senders: map[message.Channel]outbox.Sender{message.SMS: a.Gateway, message.Email: a.Gateway}, Node: "n1",
		Ring: seal.NewRing("outbox", seal.NewRoot()), Cursors: cursors, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	must(a.t, err)
	phones, err := snom.New(snom.Config{Domain: Realm, Outbound: Realm + ":5061", BaseURL: "https://" + Realm}, snom.Deps{
		Phones: a.Store.Phones, Accounts: a.Store.Accounts, Ring: a.Ring, Devices: seal.NewRing("device", seal.NewRoot()), Cursors: cursors,
		Notify: func(context.Context, account.ID, string, string, []byte) (string, error) {
			return "sip:20000001@192.0.2.5:5061;line=1", nil
		}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	must(a.t, err)
	return append(a.Outbox.Routes(), phones.Routes()...)
}
