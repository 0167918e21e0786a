package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"sipward/internal/account"
	"sipward/internal/device"
	"sipward/internal/store/kv"
)

// Phones is the repository of desk phones, of those that wait to be entered, and of the fetch log. They share the
// organisation's tag: a house has some hundred phones, each of which fetches once a day.
//
//	{org}phone:<mac>         record   phone                    {org}phones             index, score: created (ms)
//	{org}phonetoken:<hex>    record   MAC by token hash        {org}phonesof:<account> index
//	{org}waiting:<mac>       record   waiting phone; expires   {org}waitings           index, score: last seen (ms)
//	{org}fetch:<id>          record   fetch; expires           {org}fetches            index, score: at (ms)
//	{org}fetchesof:<mac>     index    fetches of one phone
type Phones struct {
	c       *core
	phones  codec[device.Phone]
	waiting codec[device.Waiting]
}

func newPhones(c *core) *Phones {
	return &Phones{
		c:       c,
		phones:  newCodec(func(p *device.Phone) string { return string(p.MAC) }),
		waiting: newCodec(func(w *device.Waiting) string { return string(w.MAC) }),
	}
}

func (r *Phones) key(m device.MAC) kv.Key { return r.c.keys.orgKey("phone:" + string(m)) }
func (r *Phones) all() kv.Key             { return r.c.keys.orgKey("phones") }
func (r *Phones) of(a account.ID) kv.Key  { return r.c.keys.orgKey("phonesof:" + string(a)) }
func (r *Phones) token(hash []byte) kv.Key {
	return r.c.keys.orgKey("phonetoken:" + hex.EncodeToString(hash))
}

func checkPhone(p *device.Phone) error {
	if !p.MAC.Valid() {
		return device.ErrMAC
	}
	if len(p.Token) != 32 || p.Account != "" && !p.Account.Valid() {
		return errors.New("a phone has the SHA-256 of its token, and an account or none")
	}
	return nil
}

// Create enters a phone and takes it from the waiting list: account.ErrTaken when it is entered already.
func (r *Phones) Create(ctx context.Context, p device.Phone) (device.Phone, error) {
	if err := checkPhone(&p); err != nil {
		return p, err
	}
	value, err := r.phones.encode(&p, nil)
	if err != nil {
		return p, err
	}
	id := string(p.MAC)
	t := kv.Txn{
		Tag:     orgTag,
		Checks:  []kv.Check{{Key: r.key(p.MAC)}, {Key: r.token(p.Token)}},
		Puts:    []kv.Put{{Key: r.key(p.MAC), Value: value}, {Key: r.token(p.Token), Value: []byte(id)}},
		Deletes: []kv.Key{r.waitingKey(p.MAC)},
		Adds:    []kv.IndexAdd{{Index: r.all(), Member: id, Score: float64(p.Created.UnixMilli())}},
		Removes: []kv.IndexRemove{{Index: r.waitings(), Member: id}},
		Appends: []kv.Append{r.c.orgChange(account.TopicOrg, "phone/"+id, 1, false)},
	}
	if p.Account != "" {
		t.Adds = append(t.Adds, kv.IndexAdd{Index: r.of(p.Account), Member: id, Score: float64(p.Created.UnixMilli())})
	}
	if _, err := r.c.kv.Commit(ctx, t); err != nil {
		if errors.Is(err, kv.ErrConflict) {
			return p, &account.TakenError{Field: "mac", Value: id}
		}
		return p, err
	}
	p.Version = 1
	return p, nil
}

func (r *Phones) read(ctx context.Context, m device.MAC) (device.Phone, kv.Record, error) {
	if !m.Valid() {
		return device.Phone{}, kv.Record{}, device.ErrNotFound
	}
	rec, err := r.c.read(ctx, r.key(m))
	if err != nil {
		return device.Phone{}, rec, err
	}
	p, err := r.decode(ctx, m, rec)
	return p, rec, err
}

func (r *Phones) decode(ctx context.Context, m device.MAC, rec kv.Record) (device.Phone, error) {
	if rec.Version == 0 {
		return device.Phone{}, device.ErrNotFound
	}
	p, err := r.phones.decode(string(m), rec.Value)
	if err != nil {
		r.c.alarm(ctx, "misfit", r.key(m), err)
		return p, fmt.Errorf("phone %s: %w", m, err)
	}
	p.Version = rec.Version
	return p, nil
}

// ByMAC reads one phone, device.ErrNotFound.
func (r *Phones) ByMAC(ctx context.Context, m device.MAC) (device.Phone, error) {
	p, _, err := r.read(ctx, m)
	return p, err
}

// ByToken finds a phone by the SHA-256 of the token in its address, device.ErrNotFound.
func (r *Phones) ByToken(ctx context.Context, hash [32]byte) (device.Phone, error) {
	rec, err := r.c.read(ctx, r.token(hash[:]))
	if err != nil {
		return device.Phone{}, err
	}
	if rec.Version == 0 {
		return device.Phone{}, device.ErrNotFound
	}
	p, err := r.ByMAC(ctx, device.MAC(rec.Value))
	if err == nil && string(p.Token) != string(hash[:]) {
		return device.Phone{}, device.ErrNotFound
	}
	return p, err
}

// Update is compare-and-swap, as Accounts.Update.
func (r *Phones) Update(ctx context.Context, m device.MAC, f func(*device.Phone) error) (device.Phone, error) {
	var out device.Phone
	err := r.c.retry(ctx, account.ID("phone/"+m), func(bool) (err error) {
		out, err = r.update(ctx, m, f)
		return err
	})
	return out, err
}

func (r *Phones) update(ctx context.Context, m device.MAC, f func(*device.Phone) error) (device.Phone, error) {
	old, rec, err := r.read(ctx, m)
	if err != nil {
		return old, err
	}
	p, _ := r.phones.decode(string(m), rec.Value) // a copy of its own; it was decoded before
	p.Version = rec.Version
	if err := f(&p); err != nil {
		return old, err
	}
	p.MAC, p.Created = old.MAC, old.Created // not f's to change
	if err := checkPhone(&p); err != nil {
		return old, err
	}
	value, err := r.phones.encode(&p, rec.Value)
	if err != nil {
		return old, err
	}
	t := kv.Txn{
		Tag: orgTag, Checks: []kv.Check{{Key: r.key(m), Version: rec.Version}}, Puts: []kv.Put{{Key: r.key(m), Value: value}},
		Appends: []kv.Append{r.c.orgChange(account.TopicOrg, "phone/"+string(m), rec.Version+1, false)},
	}
	if string(p.Token) != string(old.Token) {
		t.Puts = append(t.Puts, kv.Put{Key: r.token(p.Token), Value: []byte(m)})
		t.Deletes = []kv.Key{r.token(old.Token)}
	}
	if p.Account != old.Account {
		if old.Account != "" {
			t.Removes = []kv.IndexRemove{{Index: r.of(old.Account), Member: string(m)}}
		}
		if p.Account != "" {
			t.Adds = []kv.IndexAdd{{Index: r.of(p.Account), Member: string(m), Score: float64(p.Created.UnixMilli())}}
		}
	}
	if _, err := r.c.kv.Commit(ctx, t); err != nil {
		return old, err
	}
	p.Version = rec.Version + 1
	return p, nil
}

// Delete forgets a phone; its token is dead at once. version 0 deletes whatever version is there.
func (r *Phones) Delete(ctx context.Context, m device.MAC, version uint64) error {
	p, rec, err := r.read(ctx, m)
	if err != nil {
		return err
	}
	if version == 0 {
		version = rec.Version
	}
	t := kv.Txn{
		Tag: orgTag, Checks: []kv.Check{{Key: r.key(m), Version: version}}, Deletes: []kv.Key{r.key(m), r.token(p.Token)},
		Removes: []kv.IndexRemove{{Index: r.all(), Member: string(m)}},
		Appends: []kv.Append{r.c.orgChange(account.TopicOrg, "phone/"+string(m), version+1, true)},
	}
	if p.Account != "" {
		t.Removes = append(t.Removes, kv.IndexRemove{Index: r.of(p.Account), Member: string(m)})
	}
	_, err = r.c.kv.Commit(ctx, t)
	return err
}

// List pages through the phones, the newest first.
func (r *Phones) List(ctx context.Context, cursor string, limit int) (p Page[device.Phone], err error) {
	names, next, err := r.c.newest(ctx, r.all(), cursor, pageSize(limit))
	if err != nil {
		return p, err
	}
	p.Next = next
	p.Items, err = r.many(ctx, names)
	return p, err
}

// OfAccount are the phones of an account.
func (r *Phones) OfAccount(ctx context.Context, id account.ID) ([]device.Phone, error) {
	if !id.Valid() {
		return nil, nil
	}
	names, err := r.c.all(ctx, r.of(id))
	if err != nil {
		return nil, err
	}
	return r.many(ctx, names)
}

func (r *Phones) many(ctx context.Context, names []string) (phones []device.Phone, err error) {
	err = r.c.readMany(ctx, keysFor(names, func(s string) kv.Key { return r.key(device.MAC(s)) }), func(i int, rec kv.Record) error {
		if p, err := r.decode(ctx, device.MAC(names[i]), rec); err == nil {
			phones = append(phones, p)
		}
		return nil // deleted meanwhile, or an alarm was raised
	})
	return phones, err
}
