package store

import (
	"context"
	"hash/maphash"
	"math"
	"time"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/store/kv"
)

// Remains counts what is left of an account in its bucket: records, index entries, unsettled operations.
func Remains(ctx context.Context, s *Store, id account.ID) (int, error) {
	k, b := s.c.keys, bucketOf(id)
	recs, err := s.c.kv.Read(ctx, k.account(id), k.location(id))
	if err != nil {
		return 0, err
	}
	n := 0
	for _, r := range recs {
		if r.Version != 0 {
			n++
		}
	}
	for _, index := range []kv.Key{k.accounts(b), k.bound(b)} {
		got, err := s.c.kv.Ranges(ctx, kv.Range{Index: index, Min: math.Inf(-1), Max: math.Inf(1)})
		if err != nil {
			return 0, err
		}
		for _, m := range got[0] {
			if m.Name == string(id) {
				n++
			}
		}
	}
	return n, nil
}

// Unsettled counts the operations whose claims are not settled.
func Unsettled(ctx context.Context, s *Store) (n int, err error) {
	found, err := s.c.members(ctx, s.c.keys.unsettled, math.Inf(1))
	for _, members := range found {
		n += len(members)
	}
	return n, err
}

// Trusts reports whether a node has followed the change stream recently enough to trust its cache.
func Trusts(s *Store) bool { return s.c.cache.trusted(s.c.now(), s.c.stale) }

// Bound counts the members of the index of bound accounts.
func Bound(ctx context.Context, s *Store) (n int, err error) {
	found, err := s.c.members(ctx, s.c.keys.bound, math.Inf(1))
	for _, members := range found {
		n += len(members)
	}
	return n, err
}

// AccountKey and LocationKey name the records of an account.
func AccountKey(id account.ID) kv.Key { return newKeyspace().account(id) }

// LocationKey is where an account's bindings are.
func LocationKey(id account.ID) kv.Key { return newKeyspace().location(id) }

// Recognise looks at once whether the store is still the one that was opened.
func Recognise(ctx context.Context, s *Store) error { return s.c.recognise(ctx) }

// LocationCodec is the codec of the records of locations.
type LocationCodec struct{ c locationCodec }

// NewLocationCodec returns what a store makes for itself at Open.
func NewLocationCodec() *LocationCodec { return &LocationCodec{newLocationCodec(maphash.MakeSeed())} }

// Encode writes a location's record, promised to exist until keep.
func (l *LocationCodec) Encode(s location.Set, keep time.Time) []byte {
	return l.c.encode(&place{set: s, keep: keep})
}

// Decode reads a location's record at version 1.
func (l *LocationCodec) Decode(id account.ID, value []byte) (location.Set, error) {
	p, err := l.c.decode(id, value, 1)
	if err != nil {
		return location.Set{}, err
	}
	return p.set, nil
}

// ScanLocation is the fast half of Decode.
func ScanLocation(value []byte) ([]location.Binding, bool) {
	r, ok := scanLocation(value)
	return r.Bindings, ok
}

// Epoch counts the changes that have arrived in an account's bucket.
func Epoch(s *Store, id account.ID) uint64 { return s.c.cache.epoch(id) }

// Neighbours reports whether two accounts lie in the same bucket: a change of the one makes reads of the other doubtful.
func Neighbours(x, y account.ID) bool { return bucketOf(x) == bucketOf(y) }
