package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strings"
	"time"

	"sipward/internal/device"
	"sipward/internal/store/kv"
)

const (
	// fetchLife is how long a fetch is remembered.
	fetchLife = 30 * 24 * time.Hour
	// mostFetches and mostFetchesOf bound the log, and what it keeps of one phone.
	mostFetches, mostFetchesOf = 10000, 200
)

func (r *Phones) fetch(id string) kv.Key        { return r.c.keys.orgKey("fetch:" + id) }
func (r *Phones) fetches() kv.Key               { return r.c.keys.orgKey("fetches") }
func (r *Phones) fetchesOf(m device.MAC) kv.Key { return r.c.keys.orgKey("fetchesof:" + string(m)) }

// Log adds a line to the fetch log; known says whether the phone is one that an operator has entered.
func (r *Phones) Log(ctx context.Context, f device.Fetch, known bool) error {
	value, err := json.Marshal(f)
	if err != nil {
		return err
	}
	id, score := strings.ToLower(rand.Text()), float64(f.At.UnixMilli())
	t := kv.Txn{
		Tag: orgTag, Puts: []kv.Put{{Key: r.fetch(id), Value: value, Expires: f.At.Add(fetchLife)}},
		Adds: []kv.IndexAdd{{Index: r.fetches(), Member: id, Score: score}},
	}
	known = known && f.MAC.Valid()
	if known {
		t.Adds = append(t.Adds, kv.IndexAdd{Index: r.fetchesOf(f.MAC), Member: id, Score: score})
	}
	if _, err := r.c.kv.Commit(ctx, t); err != nil {
		return err
	}
	if known {
		if err := r.c.keepNewest(ctx, r.fetchesOf(f.MAC), mostFetchesOf); err != nil {
			return err
		}
	}
	return r.c.keepNewest(ctx, r.fetches(), mostFetches)
}

// Fetches pages through the fetch log, the newest first; of one phone when m is not empty.
func (r *Phones) Fetches(ctx context.Context, m device.MAC, cursor string, limit int) (p Page[device.Fetch], err error) {
	index := r.fetches()
	if m != "" {
		if !m.Valid() {
			return p, nil
		}
		index = r.fetchesOf(m)
	}
	names, next, err := r.c.newest(ctx, index, cursor, pageSize(limit))
	if err != nil {
		return p, err
	}
	p.Next = next
	err = r.c.readMany(ctx, keysFor(names, r.fetch), func(i int, rec kv.Record) error {
		var f device.Fetch
		if rec.Version == 0 {
			return nil // it has run out
		}
		if err := json.Unmarshal(rec.Value, &f); err != nil {
			r.c.alarm(ctx, "misfit", r.fetch(names[i]), err)
			return nil
		}
		p.Items = append(p.Items, f)
		return nil
	})
	return p, err
}
