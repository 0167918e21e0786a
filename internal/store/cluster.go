package store

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"sipward/internal/store/kv"
)

// ErrForeign is told to a node whose root key is not the one this store was set up with: it could open no credential,
// and nothing it sealed could be opened by the others.
var ErrForeign = errors.New("root_key is not the one of this store: copy the root key of the node that set it up (root_key, or the file root.key in its data_dir), or give this node a store of its own")

// Fits is what Claim would say of a node with these checks, without writing anything; a store that nobody has claimed fits.
func (s *Store) Fits(ctx context.Context, checks ...[]byte) error {
	rec, err := s.c.read(ctx, s.c.keys.rootCheck())
	if err != nil || rec.Version == 0 {
		return err
	}
	if !slices.ContainsFunc(checks, func(c []byte) bool { return bytes.Equal(c, rec.Value) }) {
		return ErrForeign
	}
	return nil
}

// Claim makes sure that this node has the cluster's root key. checks are values derived from its root keys, the newest
// first, that tell nothing of them. The first node of all writes its own; one that knows the old key and a newer one
// writes the newer, which ends the time in which nodes with the old key alone may start.
func (s *Store) Claim(ctx context.Context, checks ...[]byte) error {
	key := s.c.keys.rootCheck()
	for range attempts {
		rec, err := s.c.read(ctx, key)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(checks, func(c []byte) bool { return bytes.Equal(c, rec.Value) })
		switch {
		case len(checks) == 0 || rec.Version != 0 && i < 0:
			return ErrForeign
		case rec.Version != 0 && i == 0:
			return nil
		}
		_, err = s.c.kv.Commit(ctx, kv.Txn{
			Tag: key.Tag, Checks: []kv.Check{{Key: key, Version: rec.Version}}, Puts: []kv.Put{{Key: key, Value: checks[0]}},
		})
		if !errors.Is(err, kv.ErrConflict) {
			return err
		}
	}
	return kv.ErrConflict
}
