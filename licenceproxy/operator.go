package licenceproxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"sipward/internal/account"
	"sipward/internal/licence"
	"sipward/internal/web"
)

// countEvery is how often the licences that end soon are counted for the metric.
const countEvery = time.Minute

// Run counts the licences that end soon, and warns of each, until ctx ends.
func (p *Proxy) Run(ctx context.Context) error {
	t := time.NewTicker(countEvery)
	defer t.Stop()
	told := map[account.ID]string{}
	for {
		if list, err := p.Expiring(ctx); err == nil { // a store that is away says so itself
			told = p.warn(ctx, list, told)
			p.metrics.expiring.Set(float64(len(list)))
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Expiring lists the accounts whose licence ends within 14 days, or has ended.
func (p *Proxy) Expiring(ctx context.Context) ([]licence.Expiring, error) {
	return p.Licences.Expiring(ctx, p.Now().Add(licence.WarnTime))
}

// warn tells operators, by an event and a line in the log, of licences that end soon, and once more when they have ended:
// one node of all, once for each end. It returns what need not be asked of the store again.
func (p *Proxy) warn(ctx context.Context, list []licence.Expiring, told map[account.ID]string) map[account.ID]string {
	now := make(map[account.ID]string, len(list))
	for _, e := range list {
		ended := !p.Now().Before(e.Expires)
		mark := fmt.Sprintf("%d %t", e.Expires.Unix(), ended)
		if now[e.Account] = mark; told[e.Account] == mark {
			continue
		}
		first, err := p.Licences.Warn(ctx, e.Account, mark)
		if err != nil {
			delete(now, e.Account)
		}
		if first {
			p.Log.WarnContext(ctx, "licence ends: see GET /api/v1/licences/expiring", "account", e.Account, "expires", e.Expires, "ended", ended)
		}
	}
	return now
}

// View shows what is cached for an account; nobody is asked.
func (p *Proxy) View(ctx context.Context, a account.Account, product string) (licence.View, error) {
	k, err := p.viewed(a, product)
	if err != nil {
		return licence.View{}, err
	}
	if byHand(a) {
		return licence.View{Source: licence.Direct, Vendor: p.config.Direct}, nil
	}
	h, err := p.load(ctx, k, p.memory.slot(k))
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return licence.View{}, err
	}
	return p.view(k, h), nil
}

func (p *Proxy) viewed(a account.Account, product string) (key, error) {
	name, err := p.product(product)
	return key{a.ID, name}, err
}

func (p *Proxy) view(k key, h *held) licence.View {
	now := p.Now()
	v := licence.View{Source: licence.None, State: p.judge(k, h, now), Refused: p.refused(h, now)}
	if h == nil || h.entry.Raw == "" {
		return v
	}
	doc := h.doc
	v.Document, v.Confirmed, v.Imported = &doc, h.entry.Confirmed, h.entry.Imported
	switch v.State {
	case licence.Fresh, licence.Stale:
		v.Source = licence.Cached
	case licence.Grace:
		v.Source = licence.Marked
	}
	return v
}

// Refresh asks the vendor now, whatever is cached.
func (p *Proxy) Refresh(ctx context.Context, a account.Account, product string) (licence.View, error) {
	k, err := p.viewed(a, product)
	if err != nil {
		return licence.View{}, err
	}
	if byHand(a) {
		return licence.View{}, web.Conflict("licence_direct", "this account was made by hand: its phone asks the vendor itself, nothing is cached here")
	}
	if p.vendor == nil {
		return licence.View{}, web.Conflict("no_vendor", "no licence server is configured: set licence.upstream, or import a document")
	}
	h, err := p.fly(ctx, k, "", true)
	if err != nil {
		return licence.View{}, p.unavailable(k, err)
	}
	v := p.view(k, h)
	if v.Source == licence.Cached {
		v.Source = licence.Live
	}
	return v, nil
}

// Import caches a document that an operator got in another way; it is held to the same rules.
func (p *Proxy) Import(ctx context.Context, a account.Account, product string, raw []byte) (licence.View, error) {
	k, err := p.viewed(a, product)
	if err != nil {
		return licence.View{}, err
	}
	raw = bytes.TrimSpace(raw) // a file ends with a line break
	doc, err := p.accept(k, raw)
	if err != nil {
		return licence.View{}, web.Refusal(422, "bad_licence", "The document is not accepted", err.Error())
	}
	now := p.Now().UTC()
	err = p.Licences.Update(ctx, k.account, k.product, func(e *licence.Entry) error {
		if doc.Serial < e.Serial {
			return web.Conflict("older_licence", "the document "+licence.ErrSerial.Error()+": import the newest one")
		}
		*e = licence.Entry{Raw: string(raw), Serial: doc.Serial, Expires: doc.Expires, Confirmed: now, Imported: true}
		return nil
	})
	if err != nil {
		return licence.View{}, err
	}
	h, err := p.load(ctx, k, p.memory.slot(k))
	return p.view(k, h), err
}
