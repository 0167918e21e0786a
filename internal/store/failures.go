package store

import (
	"context"
	"time"

	"sipward/internal/account"
	"sipward/internal/operator"
	"sipward/internal/store/kv"
)

// Failures is the repository of failed sign-ins, which all nodes count together.
//
//	{failures}pair:<id>   record   operator.Failures; expires
type Failures struct {
	c     *core
	codec codec[operator.Failures]
}

func newFailures(c *core) *Failures {
	return &Failures{c: c, codec: newCodec(func(f *operator.Failures) string { return f.ID })}
}

func (r *Failures) key(id string) kv.Key { return kv.Key{Tag: "failures", Name: "pair:" + id} }

// Of reads the failures of a pair; none are no error.
func (r *Failures) Of(ctx context.Context, id string) (operator.Failures, error) {
	f, _, err := r.read(ctx, id)
	return f, err
}

func (r *Failures) read(ctx context.Context, id string) (operator.Failures, kv.Record, error) {
	rec, err := r.c.read(ctx, r.key(id))
	if err != nil || rec.Version == 0 {
		return operator.Failures{}, rec, err
	}
	f, err := r.codec.decode(id, rec.Value)
	return f, rec, err
}

// Count is compare-and-swap: f adds a failure. They are forgotten keep after it.
func (r *Failures) Count(ctx context.Context, id string, keep time.Duration, f func(operator.Failures) operator.Failures) error {
	return r.c.retry(ctx, account.ID("failures/"+id), func(bool) error {
		old, rec, err := r.read(ctx, id)
		if err != nil {
			return err
		}
		fresh := f(old)
		fresh.ID = id
		value, err := r.codec.encode(&fresh, nil)
		if err != nil {
			return err
		}
		key := r.key(id)
		return r.c.commit(ctx, kv.Txn{Tag: key.Tag, Checks: []kv.Check{{Key: key, Version: rec.Version}}, Puts: []kv.Put{{Key: key, Value: value, Expires: fresh.Last.Add(keep)}}})
	})
}

// Forget drops a pair's failures.
func (r *Failures) Forget(ctx context.Context, id string) error {
	key := r.key(id)
	return r.c.commit(ctx, kv.Txn{Tag: key.Tag, Deletes: []kv.Key{key}})
}
