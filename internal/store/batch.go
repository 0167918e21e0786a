package store

import (
	"context"
	"math"

	"sipward/internal/store/kv"
)

// all returns every member of an index.
func (c *core) all(ctx context.Context, index kv.Key) ([]string, error) {
	var names []string
	q := kv.Range{Index: index, Min: math.Inf(-1), Max: math.Inf(1), Limit: readBatch}
	for {
		got, err := c.kv.Ranges(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, m := range got[0] {
			names = append(names, m.Name)
		}
		if len(got[0]) < readBatch {
			return names, nil
		}
		q.After = &got[0][len(got[0])-1]
	}
}

// readBatch is how many records or members one round trip asks for.
const readBatch = 256

// readMany reads keys in batches and hands each record to f.
func (c *core) readMany(ctx context.Context, keys []kv.Key, f func(i int, r kv.Record) error) error {
	for start := 0; start < len(keys); start += readBatch {
		recs, err := c.kv.Read(ctx, keys[start:min(start+readBatch, len(keys))]...)
		if err != nil {
			return err
		}
		for i, r := range recs {
			if err := f(start+i, r); err != nil {
				return err
			}
		}
	}
	return nil
}
