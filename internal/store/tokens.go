package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// Tokens is the repository of API tokens; only SHA-256 hashes of their secrets are stored.
type Tokens struct{ c *core }

func (c *core) decodeToken(ctx context.Context, id string, r kv.Record) (account.Token, error) {
	if r.Version == 0 {
		return account.Token{}, fmt.Errorf("token %s: %w", id, account.ErrNotFound)
	}
	t, err := c.tokens.decode(id, r.Value)
	if err != nil {
		c.alarm(ctx, "misfit", c.keys.token(id), err)
		return account.Token{}, fmt.Errorf("token %s: %w", id, err)
	}
	return t, nil
}

// Create stores a token; ByHash finds a living one; List and Delete manage them.
func (r *Tokens) Create(ctx context.Context, t account.Token) (account.Token, error) {
	c := r.c
	if t.ID == "" {
		t.ID = string(account.NewID())
	}
	if t.Created.IsZero() {
		t.Created = c.now().UTC()
	}
	if !plain(t.ID) || len(t.Hash) != 32 {
		return account.Token{}, errors.New("a token has an id of letters and digits and the SHA-256 of its secret")
	}
	value, err := c.tokens.encode(&t, nil)
	if err != nil {
		return account.Token{}, err
	}
	key, hash := c.keys.token(t.ID), c.keys.tokenHash(hex.EncodeToString(t.Hash))
	puts := []kv.Put{{Key: key, Value: value}, {Key: hash, Value: []byte(t.ID)}}
	_, err = c.kv.Commit(ctx, kv.Txn{
		Tag:     key.Tag,
		Checks:  []kv.Check{{Key: key}, {Key: hash}},
		Puts:    puts,
		Adds:    []kv.IndexAdd{{Index: c.keys.tokens(), Member: t.ID, Score: float64(t.Created.UnixMilli())}},
		Appends: []kv.Append{c.orgChange(account.TopicOrg, "token/"+t.ID, 1, false)},
	})
	if errors.Is(err, kv.ErrConflict) {
		return account.Token{}, &account.TakenError{Field: "token", Value: t.ID}
	}
	return t, err
}

// ByHash finds a token by the SHA-256 of its secret: account.ErrNotFound when there is none or it has expired.
func (r *Tokens) ByHash(ctx context.Context, hash [32]byte) (account.Token, error) {
	owner, err := r.c.read(ctx, r.c.keys.tokenHash(hex.EncodeToString(hash[:])))
	if err != nil {
		return account.Token{}, err
	}
	if owner.Version == 0 || !plain(string(owner.Value)) {
		return account.Token{}, fmt.Errorf("token: %w", account.ErrNotFound)
	}
	id := string(owner.Value)
	rec, err := r.c.read(ctx, r.c.keys.token(id))
	if err != nil {
		return account.Token{}, err
	}
	t, err := r.c.decodeToken(ctx, id, rec)
	if err != nil {
		return account.Token{}, err
	}
	if !slices.Equal(t.Hash, hash[:]) || !t.Expires.IsZero() && !t.Expires.After(r.c.now()) {
		return account.Token{}, fmt.Errorf("token: %w", account.ErrNotFound)
	}
	return t, nil
}

// List returns all tokens, the oldest first.
func (r *Tokens) List(ctx context.Context) ([]account.Token, error) {
	ids, err := r.c.all(ctx, r.c.keys.tokens())
	if err != nil {
		return nil, err
	}
	keys := make([]kv.Key, len(ids))
	for i, id := range ids {
		keys[i] = r.c.keys.token(id)
	}
	var tokens []account.Token
	err = r.c.readMany(ctx, keys, func(i int, rec kv.Record) error {
		if t, err := r.c.decodeToken(ctx, ids[i], rec); err == nil {
			tokens = append(tokens, t)
		}
		return nil // deleted meanwhile, or an alarm was raised
	})
	return tokens, err
}

// Delete revokes a token at once.
func (r *Tokens) Delete(ctx context.Context, id string) error {
	if !plain(id) {
		return fmt.Errorf("token %q: %w", id, account.ErrNotFound)
	}
	key := r.c.keys.token(id)
	rec, err := r.c.read(ctx, key)
	if err != nil {
		return err
	}
	t, err := r.c.decodeToken(ctx, id, rec)
	if err != nil {
		return err
	}
	_, err = r.c.kv.Commit(ctx, kv.Txn{
		Tag:     key.Tag,
		Deletes: []kv.Key{key, r.c.keys.tokenHash(hex.EncodeToString(t.Hash))},
		Removes: []kv.IndexRemove{{Index: r.c.keys.tokens(), Member: id}},
		Appends: []kv.Append{r.c.orgChange(account.TopicOrg, "token/"+id, rec.Version+1, true)},
	})
	return err
}
