package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"sipward/internal/account"
	"sipward/internal/licence"
	"sipward/internal/store/kv"
)

// Licences is the cache of licence documents, one record an account, beside the account so that both go together. What
// it returns was verified by whoever wrote it and must be verified again by whoever reads it: the store proves nothing.
type Licences struct{ c *core }

// licenceRecord is all licences of one account; there are few products.
type licenceRecord struct {
	Account account.ID      `json:"id"`
	Entries []licence.Entry `json:"entries"`
}

func (l *licenceRecord) find(product string) int {
	return slices.IndexFunc(l.Entries, func(e licence.Entry) bool { return e.Product == product })
}

// ends is the score of the record: when the first of its documents ends, in milliseconds; beyond all when none does.
func (l *licenceRecord) ends() float64 {
	first := math.Inf(1)
	for _, e := range l.Entries {
		if e.Raw != "" {
			first = min(first, float64(e.Expires.UnixMilli()))
		}
	}
	return first
}

func (c *core) decodeLicences(ctx context.Context, id account.ID, rec kv.Record) (licenceRecord, error) {
	if rec.Version == 0 {
		return licenceRecord{Account: id}, nil
	}
	l, err := c.licences.decode(string(id), rec.Value)
	if err != nil {
		c.alarm(ctx, "misfit", c.keys.licence(id), err)
		return l, fmt.Errorf("licence of account %s: %w", id, err)
	}
	return l, nil
}

// Get returns what is cached for a product; account.ErrNotFound when there is nothing, or nothing that fits its key.
func (r *Licences) Get(ctx context.Context, id account.ID, product string) (licence.Entry, error) {
	if !plain(string(id)) {
		return licence.Entry{}, account.ErrNotFound
	}
	rec, err := r.c.read(ctx, r.c.keys.licence(id))
	if err != nil {
		return licence.Entry{}, err
	}
	l, err := r.c.decodeLicences(ctx, id, rec)
	if i := l.find(product); err == nil && i >= 0 {
		return l.Entries[i], nil
	}
	return licence.Entry{}, fmt.Errorf("licence of account %s: %w", id, account.ErrNotFound)
}

// Update changes what is cached for a product by compare-and-swap; f may run more than once and is given a zero Entry
// when there is none. An account that is deleted meanwhile gets none: account.ErrNotFound.
func (r *Licences) Update(ctx context.Context, id account.ID, product string, f func(*licence.Entry) error) error {
	if !plain(string(id)) || !plain(product) {
		return account.ErrNotFound
	}
	return r.c.retry(ctx, id, func(bool) error { return r.update(ctx, id, product, f) })
}

func (r *Licences) update(ctx context.Context, id account.ID, product string, f func(*licence.Entry) error) error {
	c, key := r.c, r.c.keys.licence(id)
	recs, err := c.kv.Read(ctx, c.keys.account(id), key)
	if err != nil {
		return err
	}
	if recs[0].Version == 0 {
		return account.ErrNotFound
	}
	l, err := c.decodeLicences(ctx, id, recs[1])
	if err != nil { // a misfit is overwritten by what was verified just now: the alarm has been raised
		l, recs[1].Value = licenceRecord{Account: id}, nil
	}
	at := l.find(product)
	if at < 0 {
		at, l.Entries = len(l.Entries), append(l.Entries, licence.Entry{})
	}
	if err := f(&l.Entries[at]); err != nil {
		return err
	}
	l.Entries[at].Product = product
	value, err := c.licences.encode(&l, recs[1].Value)
	if err != nil || bytes.Equal(value, recs[1].Value) {
		return err
	}
	t := kv.Txn{Tag: key.Tag,
		Checks: []kv.Check{{Key: c.keys.account(id), Version: recs[0].Version}, {Key: key, Version: recs[1].Version}},
		Puts:   []kv.Put{{Key: key, Value: value}}}
	index := c.keys.licences(bucketOf(id))
	if ends := l.ends(); math.IsInf(ends, 1) {
		t.Removes = []kv.IndexRemove{{Index: index, Member: string(id)}}
	} else {
		t.Adds = []kv.IndexAdd{{Index: index, Member: string(id), Score: ends}}
	}
	_, err = c.kv.Commit(ctx, t)
	return err
}

// expiringMost bounds the list of every bucket.
const expiringMost = 1000

// Expiring lists accounts whose first licence ends before a time, the first end first.
func (r *Licences) Expiring(ctx context.Context, before time.Time) ([]licence.Expiring, error) {
	ranges := make([]kv.Range, buckets)
	for b := range ranges {
		ranges[b] = kv.Range{Index: r.c.keys.licences(b), Min: math.Inf(-1), Max: float64(before.UnixMilli()), Limit: expiringMost}
	}
	found, err := r.c.kv.Ranges(ctx, ranges...)
	if err != nil {
		return nil, err
	}
	var list []licence.Expiring
	for _, members := range found {
		for _, m := range members {
			list = append(list, licence.Expiring{Account: account.ID(m.Name), Expires: time.UnixMilli(int64(m.Score)).UTC()})
		}
	}
	slices.SortFunc(list, func(a, b licence.Expiring) int { return a.Expires.Compare(b.Expires) })
	return list, nil
}

// Warn tells the change stream that the licence of an account ends, once for each mark; first is false when it was told
// before, on any node. An account that is gone is told of no more.
func (r *Licences) Warn(ctx context.Context, id account.ID, mark string) (first bool, err error) {
	if !plain(string(id)) {
		return false, nil
	}
	key := r.c.keys.licenceWarned(id)
	recs, err := r.c.kv.Read(ctx, key, r.c.keys.licence(id))
	if err != nil || string(recs[0].Value) == mark || recs[1].Version == 0 {
		return false, err
	}
	ch := account.Change{Topic: account.TopicLicence, ID: string(id), Version: recs[1].Version, At: r.c.now()}
	_, err = r.c.kv.Commit(ctx, kv.Txn{Tag: key.Tag,
		Checks:  []kv.Check{{Key: key, Version: recs[0].Version}},
		Puts:    []kv.Put{{Key: key, Value: []byte(mark), Expires: r.c.now().Add(warnLife)}},
		Appends: []kv.Append{{Stream: r.c.keys.changes(bucketOf(id)), Value: encodeChange(ch), MaxLen: changesKept}}})
	if errors.Is(err, kv.ErrConflict) {
		return false, nil // another node was first
	}
	return err == nil, err
}

// warnLife is how long a warning is remembered, so that it is not told again.
const warnLife = 90 * 24 * time.Hour

// Claim takes the right to fetch until a time; ok is false while another has it, or nobody shall fetch ([Licences.Pause]),
// and then held says until when. force takes it from a pause, never from a fetch.
func (r *Licences) Claim(ctx context.Context, id account.ID, product string, until time.Time, force bool) (held time.Time, pause, ok bool, err error) {
	if !plain(string(id)) || !plain(product) {
		return held, false, false, account.ErrNotFound
	}
	key := r.c.keys.licenceFetch(id, product)
	rec, err := r.c.read(ctx, key)
	if err != nil {
		return held, false, false, err
	}
	held, pause = parseClaim(rec.Value)
	if held.After(r.c.now()) && !(pause && force) {
		return held, pause, false, nil
	}
	_, err = r.c.kv.Commit(ctx, kv.Txn{Tag: key.Tag,
		Checks: []kv.Check{{Key: key, Version: rec.Version}},
		Puts:   []kv.Put{{Key: key, Value: claimValue("f", until), Expires: until.Add(claimSlack)}}})
	if errors.Is(err, kv.ErrConflict) {
		return until, false, false, nil // another was first
	}
	return until, false, err == nil, err
}

// Claimed tells until when somebody fetches, or nobody shall.
func (r *Licences) Claimed(ctx context.Context, id account.ID, product string) (held time.Time, pause bool, err error) {
	rec, err := r.c.read(ctx, r.c.keys.licenceFetch(id, product))
	if err != nil {
		return held, false, err
	}
	held, pause = parseClaim(rec.Value)
	return held, pause, nil
}

// claimSlack keeps a record a little longer than it counts: nodes' clocks differ.
const claimSlack = time.Minute

// Pause keeps every node from fetching until a time: the vendor has failed, or asked for it.
func (r *Licences) Pause(ctx context.Context, id account.ID, product string, until time.Time) error {
	key := r.c.keys.licenceFetch(id, product)
	_, err := r.c.kv.Commit(ctx, kv.Txn{Tag: key.Tag, Puts: []kv.Put{{Key: key, Value: claimValue("p", until), Expires: until.Add(claimSlack)}}})
	return err
}

// Release gives the right to fetch back.
func (r *Licences) Release(ctx context.Context, id account.ID, product string) error {
	key := r.c.keys.licenceFetch(id, product)
	_, err := r.c.kv.Commit(ctx, kv.Txn{Tag: key.Tag, Deletes: []kv.Key{key}})
	return err
}

func claimValue(kind string, until time.Time) []byte {
	return []byte(kind + strconv.FormatInt(until.UnixMilli(), 10))
}

// parseClaim reads a claim; one that cannot be read holds nobody back.
func parseClaim(b []byte) (until time.Time, pause bool) {
	if len(b) < 2 {
		return time.Time{}, false
	}
	ms, err := strconv.ParseInt(string(b[1:]), 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	return time.UnixMilli(ms), b[0] == 'p'
}
