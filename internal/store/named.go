package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// named is a repository of few things, each with a name that no other of its kind has: groups, profiles. All live under one
// tag, so that a name is claimed and freed in the transaction that writes its owner.
type named[T any] struct {
	c     *core
	noun  string // in changes and errors: "group"
	codec codec[T]
	key   func(id string) kv.Key
	index kv.Key
	claim func(folded string) kv.Key // where a name's owner is kept
	parts func(*T) parts
	check func(*T) error
	bare  func(id string) (T, bool) // what is there without a record; nil: nothing is
}

// parts is what they have in common.
type parts struct {
	id, name         string
	created, updated *time.Time
	version          *uint64
}

// name is where a name's owner is kept; upper and lower case are the same name.
func (n *named[T]) name(name string) kv.Key {
	return n.claim(base64.RawURLEncoding.EncodeToString([]byte(strings.ToLower(strings.TrimSpace(name)))))
}

func checkName(noun, name string) error {
	if size := len([]rune(name)); strings.TrimSpace(name) == "" || size > 100 {
		return errors.New("a " + noun + "'s name has 1 to 100 characters")
	}
	return nil
}

func (n *named[T]) decode(ctx context.Context, id string, r kv.Record) (v T, err error) {
	if r.Version == 0 {
		if n.bare != nil {
			if v, ok := n.bare(id); ok {
				return v, nil
			}
		}
		return v, fmt.Errorf("%s %s: %w", n.noun, id, account.ErrNotFound)
	}
	if v, err = n.codec.decode(id, r.Value); err != nil {
		n.c.alarm(ctx, "misfit", n.key(id), err)
		var none T
		return none, fmt.Errorf("%s %s: %w", n.noun, id, err)
	}
	*n.parts(&v).version = r.Version
	return v, nil
}

// create writes a new one; account.ErrTaken when the name is in use. Times that are missing are filled in.
func (n *named[T]) create(ctx context.Context, v T) (T, error) {
	var none T
	p := n.parts(&v)
	if p.created.IsZero() {
		*p.created = n.c.now().UTC()
	}
	if p.updated.IsZero() {
		*p.updated = *p.created
	}
	if err := n.check(&v); err != nil {
		return none, err
	}
	err := n.put(ctx, nil, &v, kv.Record{})
	if errors.Is(err, kv.ErrConflict) {
		err = &account.TakenError{Field: "name", Value: p.name}
	}
	if err != nil {
		return none, err
	}
	*p.version = 1
	return v, nil
}

func (n *named[T]) read(ctx context.Context, id string) (v T, rec kv.Record, err error) {
	if !plain(id) {
		return v, rec, fmt.Errorf("%s %q: %w", n.noun, id, account.ErrNotFound)
	}
	if rec, err = n.c.read(ctx, n.key(id)); err != nil {
		return v, rec, err
	}
	v, err = n.decode(ctx, id, rec)
	return v, rec, err
}

// update is compare-and-swap, as Accounts.Update.
func (n *named[T]) update(ctx context.Context, id string, f func(*T) error) (out T, err error) {
	err = n.c.retry(ctx, account.ID(n.noun+"/"+id), func(bool) (err error) {
		out, err = n.swap(ctx, id, f)
		return err
	})
	return out, err
}

func (n *named[T]) swap(ctx context.Context, id string, f func(*T) error) (none T, err error) {
	cur, rec, err := n.read(ctx, id)
	if err != nil {
		return none, err
	}
	before, err := n.codec.encode(&cur, rec.Value)
	if err != nil {
		return none, err
	}
	v := cur
	if err := f(&v); err != nil {
		return none, err
	}
	was, is := n.parts(&cur), n.parts(&v)
	*is.created, *is.updated, *is.version = *was.created, *was.updated, rec.Version // not f's to change
	if is.id != id {
		return none, fmt.Errorf("%s %s: its id is not to be changed", n.noun, id)
	}
	if after, err := n.codec.encode(&v, rec.Value); err != nil || bytes.Equal(before, after) {
		return v, err
	}
	if err := n.check(&v); err != nil {
		return none, err
	}
	if *is.updated = n.c.now().UTC(); is.created.IsZero() {
		*is.created = *is.updated
	}
	if err := n.put(ctx, &cur, &v, rec); err != nil {
		return none, err
	}
	*is.version = rec.Version + 1
	return v, nil
}
