package store

import (
	"context"
	"encoding/hex"
	"errors"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// record is what every import of one record writes: it must not be there yet.
func record(key kv.Key, value []byte, index kv.Key, member string, score float64, change kv.Append) kv.Txn {
	return kv.Txn{
		Tag:     key.Tag,
		Checks:  []kv.Check{{Key: key}},
		Puts:    []kv.Put{{Key: key, Value: value}},
		Adds:    []kv.IndexAdd{{Index: index, Member: member, Score: score}},
		Appends: []kv.Append{change},
	}
}

func (s *Store) importGroup(ctx context.Context, l line) error {
	g, err := s.c.groups.decode(ctx, l.ID, kv.Record{Value: l.Value, Version: 1})
	if err == nil {
		err = checkGroup(&g.Group)
	}
	if err != nil {
		return err
	}
	t := record(s.c.keys.group(g.ID), l.Value, s.c.keys.groups(), l.ID, float64(g.Created.UnixMilli()),
		s.c.orgChange(account.TopicOrg, "group/"+l.ID, 1, false))
	name := s.c.groups.name(g.Name)
	t.Checks = append(t.Checks, kv.Check{Key: name})
	t.Puts = append(t.Puts, kv.Put{Key: name, Value: []byte(l.ID)})
	return s.c.commit(ctx, t)
}

func (s *Store) importProfile(ctx context.Context, l line) error {
	p, err := s.Profiles.decode(ctx, l.ID, kv.Record{Value: l.Value, Version: 1})
	if err == nil {
		err = checkProfile(&p)
	}
	if err != nil {
		return err
	}
	return s.Profiles.put(ctx, nil, &p, kv.Record{})
}

func (s *Store) importToken(ctx context.Context, l line) error {
	tok, err := s.c.decodeToken(ctx, l.ID, kv.Record{Value: l.Value, Version: 1})
	if err != nil {
		return err
	}
	if !plain(tok.ID) || len(tok.Hash) != 32 {
		return ErrMisfit
	}
	t := record(s.c.keys.token(l.ID), l.Value, s.c.keys.tokens(), l.ID, float64(tok.Created.UnixMilli()),
		s.c.orgChange(account.TopicOrg, "token/"+l.ID, 1, false))
	t.Puts = append(t.Puts, kv.Put{Key: s.c.keys.tokenHash(hex.EncodeToString(tok.Hash)), Value: []byte(l.ID)})
	return s.c.commit(ctx, t)
}

func (s *Store) importClip(ctx context.Context, l line) error {
	clip, err := s.c.decodeClip(ctx, l.ID, kv.Record{Value: l.Value, Version: 1})
	if err != nil {
		return err
	}
	if name, err := clipName(clip.Prompt, clip.Language); err != nil || name != l.ID {
		return ErrMisfit
	}
	return s.c.commit(ctx, record(s.c.keys.clip(l.ID), l.Value, s.c.keys.clips(), l.ID, 0,
		s.c.orgChange(account.TopicClip, l.ID, 1, false)))
}

// importAccount claims the names for good, then writes the account and its bindings together. Nothing else runs on an
// empty store, so no operation needs to be remembered.
func (s *Store) importAccount(ctx context.Context, l line) error {
	id := account.ID(l.ID)
	a, err := s.c.account(ctx, id, kv.Record{Value: l.Value, Version: 1})
	if err == nil {
		err = check(a)
	}
	if err != nil {
		return err
	}
	for _, name := range claimNames(a) {
		if err := s.c.putClaim(ctx, claim{Name: name, Owner: id}, 0); errors.Is(err, kv.ErrConflict) {
			return taken(a, name)
		} else if err != nil {
			return err
		}
	}
	b := bucketOf(id)
	t := record(s.c.keys.account(id), l.Value, s.c.keys.accounts(b), l.ID, created(a), s.c.change(a, 1, false))
	if a.Group != "" {
		t.Adds = append(t.Adds, kv.IndexAdd{Index: s.c.keys.members(b, a.Group), Member: l.ID, Score: created(a)})
	}
	if err := s.addLocation(&t, a, l.Location); err != nil {
		return err
	}
	return s.c.commit(ctx, t)
}

// addLocation adds the bindings that still live.
func (s *Store) addLocation(t *kv.Txn, a *account.Account, value []byte) error {
	if len(value) == 0 {
		return nil
	}
	loc, err := s.c.locations.decode(a.ID, value, 1)
	if err != nil || !loc.set.Until().After(s.c.now()) {
		return err
	}
	t.Puts = append(t.Puts, kv.Put{Key: s.c.keys.location(a.ID), Value: value, Expires: loc.keep.Add(locationSlack)})
	t.Adds = append(t.Adds, kv.IndexAdd{Index: s.c.keys.bound(bucketOf(a.ID)), Member: string(a.ID), Score: created(a)})
	return nil
}

func (s *Store) importHeld(ctx context.Context, l line) error {
	if _, err := account.ParseUser(l.ID); err != nil || !plain(string(l.Owner)) {
		return ErrMisfit
	}
	if !l.At.After(s.c.now()) {
		return nil
	}
	cl := claim{Name: userClaim(l.ID), Owner: l.Owner, Held: true, Expires: l.At}
	if err := s.c.putClaim(ctx, cl, 0); errors.Is(err, kv.ErrConflict) {
		return nil // taken again since
	} else if err != nil {
		return err
	}
	index := s.c.keys.held(bucketOf(l.Owner))
	return s.c.commit(ctx, kv.Txn{Tag: index.Tag,
		Adds: []kv.IndexAdd{{Index: index, Member: l.ID + " " + string(l.Owner), Score: float64(l.At.UnixMilli())}}})
}
