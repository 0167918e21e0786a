package main

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"sipward/internal/account"
	devices "sipward/internal/device"
	"sipward/internal/operator"
	"sipward/internal/seal"
	"sipward/internal/telemetry"
	"sipward/internal/webhook"
)

const (
	renewPage  = 500              // accounts read at a time
	renewRetry = 10 * time.Second // after the store was away
)

// errRenewed ends an update of a record that needs no new seal.
var errRenewed = errors.New("sealed under the newest root key already")

// renewSeals moves what is stored for long under the newest root key while an older one is configured beside it, and says
// when the older one can go. Links, messages and tickets under way live at most 72 hours and are left to end.
func (n *node) renewSeals(ctx context.Context) error {
	pending := promauto.With(n.registry).NewGauge(prometheus.GaugeOpts{
		Namespace: telemetry.Namespace, Name: "root_key_renewal_pending", Help: "1 while secrets are sealed under an older root key of root_key.",
	})
	if len(n.roots) < 2 {
		return nil
	}
	pending.Set(1)
	for ctx.Err() == nil {
		count, err := n.renewAll(ctx)
		if err == nil {
			pending.Set(0)
			n.log.Info("all secrets are sealed under the newest root key: once every node knows it, the older one can be taken out of root_key", "renewed", count)
			return nil
		}
		n.log.Warn("secrets not all moved to the newest root key, trying again", "renewed", count, "err", err)
		wait := time.NewTimer(renewRetry)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
		}
	}
	return nil
}

func (n *node) renewAll(ctx context.Context) (count int, err error) {
	for _, part := range []func(context.Context) (int, error){n.renewAccounts, n.renewPhones, n.renewOperators, n.renewWebhooks, n.store.Audit.Renew} {
		done, err := part(ctx)
		if count += done; err != nil {
			return count, err
		}
	}
	return count, nil
}

func (n *node) renewAccounts(ctx context.Context) (count int, err error) {
	hashes, plain := seal.NewRing("ha1", n.roots...), seal.NewRing("device", n.roots...)
	for cursor := ""; ; {
		page, err := n.store.Accounts.List(ctx, account.Filter{}, cursor, renewPage)
		if err != nil {
			return count, err
		}
		for _, a := range page.Items {
			if !a.Renew(hashes, plain) {
				continue
			}
			_, err := n.store.Accounts.Update(ctx, a.ID, func(a *account.Account) error { return needed(a.Renew(hashes, plain)) })
			if count, err = counted(count, err); err != nil {
				return count, err
			}
		}
		if cursor = page.Next; cursor == "" {
			return count, nil
		}
	}
}

func (n *node) renewPhones(ctx context.Context) (count int, err error) {
	for cursor := ""; ; {
		page, err := n.store.Phones.List(ctx, cursor, renewPage)
		if err != nil {
			return count, err
		}
		for _, p := range page.Items {
			if !n.provisioned.desk.Renew(&p) {
				continue
			}
			_, err := n.store.Phones.Update(ctx, p.MAC, func(p *devices.Phone) error { return needed(n.provisioned.desk.Renew(p)) })
			if count, err = counted(count, err); err != nil {
				return count, err
			}
		}
		if cursor = page.Next; cursor == "" {
			return count, nil
		}
	}
}

func (n *node) renewOperators(ctx context.Context) (count int, err error) {
	list, err := n.store.Operators.List(ctx)
	if err != nil {
		return 0, err
	}
	for _, o := range list {
		if !n.access.Renew(&o) {
			continue
		}
		_, err := n.store.Operators.Update(ctx, o.ID, func(o *operator.Operator) error { return needed(n.access.Renew(o)) })
		if count, err = counted(count, err); err != nil {
			return count, err
		}
	}
	return count, nil
}

func (n *node) renewWebhooks(ctx context.Context) (count int, err error) {
	list, err := n.store.Webhooks.List(ctx)
	if err != nil {
		return 0, err
	}
	for _, h := range list {
		if !n.hooks.Renew(&h) {
			continue
		}
		_, err := n.store.Webhooks.Update(ctx, h.ID, func(h *webhook.Hook) error { return needed(n.hooks.Renew(h)) })
		if count, err = counted(count, err); err != nil {
			return count, err
		}
	}
	return count, nil
}

func needed(renew bool) error {
	if !renew {
		return errRenewed
	}
	return nil
}

// counted counts what was renewed; what another node has renewed meanwhile, or what is gone, is no fault.
func counted(count int, err error) (int, error) {
	switch {
	case err == nil:
		return count + 1, nil
	case errors.Is(err, errRenewed), errors.Is(err, account.ErrNotFound):
		return count, nil
	}
	return count, err
}
