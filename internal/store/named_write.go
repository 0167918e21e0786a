package store

import (
	"context"
	"slices"
	"strings"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// put writes one over rec; old is nil for a new one. A new name is claimed, and the former one freed, with it.
func (n *named[T]) put(ctx context.Context, old, v *T, rec kv.Record) error {
	p := n.parts(v)
	value, err := n.codec.encode(v, rec.Value)
	if err != nil {
		return err
	}
	key := n.key(p.id)
	t := kv.Txn{
		Tag:     key.Tag,
		Checks:  []kv.Check{{Key: key, Version: rec.Version}},
		Puts:    []kv.Put{{Key: key, Value: value}},
		Adds:    []kv.IndexAdd{{Index: n.index, Member: p.id, Score: float64(p.created.UnixMilli())}},
		Appends: []kv.Append{n.c.orgChange(account.TopicOrg, n.noun+"/"+p.id, rec.Version+1, false)},
	}
	is := n.name(p.name)
	if rec.Version == 0 || n.name(n.parts(old).name) != is {
		owner, err := n.c.read(ctx, is)
		if err != nil {
			return err
		}
		if owner.Version != 0 && string(owner.Value) != p.id {
			return &account.TakenError{Field: "name", Value: p.name}
		}
		t.Checks = append(t.Checks, kv.Check{Key: is, Version: owner.Version})
		t.Puts = append(t.Puts, kv.Put{Key: is, Value: []byte(p.id)})
		if rec.Version != 0 {
			t.Deletes = []kv.Key{n.name(n.parts(old).name)}
		}
	}
	_, err = n.c.kv.Commit(ctx, t)
	return err
}

// gone is the transaction that removes one of a version.
func (n *named[T]) gone(v *T, version uint64) kv.Txn {
	p := n.parts(v)
	key := n.key(p.id)
	return kv.Txn{
		Tag:     key.Tag,
		Checks:  []kv.Check{{Key: key, Version: version}},
		Deletes: []kv.Key{key, n.name(p.name)},
		Removes: []kv.IndexRemove{{Index: n.index, Member: p.id}},
		Appends: []kv.Append{n.c.orgChange(account.TopicOrg, n.noun+"/"+p.id, version+1, true)},
	}
}

// list returns all by name; always are those that are there without a record, first.
func (n *named[T]) list(ctx context.Context, always ...string) ([]T, error) {
	ids, err := n.c.all(ctx, n.index)
	if err != nil {
		return nil, err
	}
	for _, id := range always {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	keys := make([]kv.Key, len(ids))
	for i, id := range ids {
		keys[i] = n.key(id)
	}
	var all []T
	err = n.c.readMany(ctx, keys, func(i int, rec kv.Record) error {
		if v, err := n.decode(ctx, ids[i], rec); err == nil {
			all = append(all, v)
		}
		return nil // deleted meanwhile, or an alarm was raised
	})
	slices.SortFunc(all, func(x, y T) int {
		a, b := n.parts(&x), n.parts(&y)
		if first := slices.Contains(always, a.id); first != slices.Contains(always, b.id) {
			return map[bool]int{true: -1, false: 1}[first]
		}
		return strings.Compare(strings.ToLower(a.name), strings.ToLower(b.name))
	})
	return all, err
}
