package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"sipward/internal/account"
	"sipward/internal/parcel"
	"sipward/internal/store/kv"
)

// Due lists recipients for whom something is to be done at a time, up to 1000 of each bucket.
func (r *Parcels) Due(ctx context.Context, at time.Time) ([]account.ID, error) {
	return r.recipients(ctx, float64(at.UnixMilli()))
}

// Recipients lists everybody for whom parcels wait, up to 1000 of each bucket.
func (r *Parcels) Recipients(ctx context.Context) ([]account.ID, error) {
	return r.recipients(ctx, math.Inf(1))
}

func (r *Parcels) recipients(ctx context.Context, upTo float64) ([]account.ID, error) {
	found, err := r.c.members(ctx, r.due, upTo)
	if err != nil {
		return nil, err
	}
	var ids []account.ID
	for _, members := range found {
		for _, m := range members {
			ids = append(ids, account.ID(m.Name))
		}
	}
	return ids, nil
}

// News lists parcels whose status has been neither logged nor reported since before a time.
func (r *Parcels) News(ctx context.Context, before time.Time) ([]parcel.ID, error) {
	found, err := r.c.members(ctx, r.news, float64(before.UnixMilli()))
	if err != nil {
		return nil, err
	}
	var ids []parcel.ID
	for b, members := range found {
		for _, m := range members {
			if !validParcel(parcel.ID(m.Name)) {
				r.c.alarm(ctx, "misfit", r.news(b), fmt.Errorf("%w (%.40q is no message)", ErrMisfit, m.Name))
				_ = r.c.takeOut(ctx, r.news(b), []kv.Member{m}) // the next look meets it again
				continue
			}
			ids = append(ids, parcel.ID(m.Name))
		}
	}
	return ids, nil
}

// Settle writes a parcel's status to the log of messages and takes it from the news. What has changed meanwhile is
// written as it is then, so that the log ends with the last status whoever settles. A report is written before, by who
// sends it.
func (r *Parcels) Settle(ctx context.Context, p parcel.Parcel) error {
	return r.c.retry(ctx, account.ID("parcel/"+p.ID), func(first bool) error {
		if !first {
			again, err := r.ByID(ctx, p.ID)
			if err != nil {
				return err
			}
			p = again
		}
		if err := r.past.add(ctx, []parcel.Parcel{p}); err != nil {
			return err
		}
		return r.drop(ctx, p.ID, p.Version)
	})
}

// Drop takes what has no record any more from the news.
func (r *Parcels) Drop(ctx context.Context, id parcel.ID) error { return r.drop(ctx, id, 0) }

func (r *Parcels) drop(ctx context.Context, id parcel.ID, version uint64) error {
	key := r.record(id)
	_, err := r.c.kv.Commit(ctx, kv.Txn{
		Tag:     key.Tag,
		Checks:  []kv.Check{{Key: key, Version: version}},
		Removes: []kv.IndexRemove{{Index: r.newsFor(id), Member: string(id)}},
	})
	return err
}

// List pages through the log of messages, the newest first.
func (r *Parcels) List(ctx context.Context, f parcel.Filter, cursor string, limit int) (Page[parcel.Parcel], error) {
	return r.past.list(ctx, window{f.Account, f.From, f.Until}, cursor, limit, f.Matches)
}

// Purge ends everything that waits for an account that is gone.
func (r *Parcels) Purge(ctx context.Context, to account.ID) error {
	names, err := r.c.all(ctx, r.queue(to))
	for _, n := range names {
		_, failed := r.Finish(ctx, parcel.ID(n), parcel.InvalidRecipient, "the recipient's account was deleted")
		if !errors.Is(failed, parcel.ErrNotFound) {
			err = errors.Join(err, failed)
		}
	}
	if err != nil {
		return err
	}
	return r.c.takeOut(ctx, r.due(bucketOf(to)), []kv.Member{{Name: string(to)}})
}
