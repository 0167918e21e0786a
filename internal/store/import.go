package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// importWorkers is how many accounts are written at once: an embedded store then shares its fsyncs among them.
const importWorkers = 32

// Import reads what Export wrote into an empty store. Versions start again at 1. When it fails, what was read so far
// stays: empty the store before trying again.
func (s *Store) Import(ctx context.Context, r io.Reader) error {
	if err := s.empty(ctx); err != nil {
		return err
	}
	dec := json.NewDecoder(r)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(importWorkers)
	err := s.readLines(dec, func(n int, l line) error {
		if gctx.Err() != nil {
			return gctx.Err()
		}
		put := func() error {
			if err := s.importLine(gctx, l); err != nil {
				return fmt.Errorf("import: line %d (%s %s): %w", n, l.Kind, l.ID, err)
			}
			return nil
		}
		if l.Kind == lineAccount {
			g.Go(put)
			return nil
		}
		return put()
	})
	return firstCause(g.Wait(), err)
}

// firstCause prefers what stopped the workers over the reader's noticing it.
func firstCause(workers, reader error) error {
	if workers != nil {
		return workers
	}
	return reader
}

// readLines checks that the export is whole: a header of a format we know, and an end that counts the lines.
func (s *Store) readLines(dec *json.Decoder, f func(n int, l line) error) error {
	for n := 1; ; n++ {
		var l line
		if err := dec.Decode(&l); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("import: the file is cut short after %d lines: export it again", n-1)
		} else if err != nil {
			return fmt.Errorf("import: line %d: %w", n, err)
		}
		switch {
		case n == 1 && (l.Kind != lineHeader || l.Format < 1):
			return errors.New("import: this is not a file that sipward store export wrote")
		case n == 1 && l.Format > exportFormat:
			return fmt.Errorf("import: the file has format %d, this version reads %d: use the version that wrote it, or a newer one", l.Format, exportFormat)
		case n == 1:
			continue
		case l.Kind == lineEnd && l.Lines != n-1:
			return fmt.Errorf("import: the file has %d lines and says %d: export it again", n-1, l.Lines)
		case l.Kind == lineEnd:
			return nil
		}
		if err := f(n, l); err != nil {
			return err
		}
	}
}

// empty refuses a store that holds something.
func (s *Store) empty(ctx context.Context) error {
	k := s.c.keys
	indexes := []kv.Key{k.groups(), k.tokens(), k.clips()}
	for b := range buckets {
		indexes = append(indexes, k.accounts(b), k.held(b))
	}
	counts, err := s.c.kv.Count(ctx, indexes...)
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	n := 0
	for _, c := range counts {
		n += c
	}
	if n > 0 {
		return fmt.Errorf("import: the store already holds %d accounts, groups, tokens and clips: import into an empty one", n)
	}
	return nil
}

func (s *Store) importLine(ctx context.Context, l line) error {
	switch l.Kind {
	case lineGroup:
		return s.importGroup(ctx, l)
	case lineProfile:
		return s.importProfile(ctx, l)
	case lineToken:
		return s.importToken(ctx, l)
	case lineWAV:
		key := s.c.keys.wav(l.ID)
		return s.c.commit(ctx, kv.Txn{Tag: key.Tag, Puts: []kv.Put{{Key: key, Value: l.Data}},
			Adds: []kv.IndexAdd{{Index: s.c.keys.wavs(), Member: l.ID, Score: float64(s.c.now().UnixMilli())}}})
	case lineClip:
		return s.importClip(ctx, l)
	case lineAccount:
		return s.importAccount(ctx, l)
	case lineHeld:
		return s.importHeld(ctx, l)
	}
	return errors.New("unknown kind of line: the file is from a newer version")
}

// commit is kv.Store.Commit where nobody wants the result.
func (c *core) commit(ctx context.Context, t kv.Txn) error {
	_, err := c.kv.Commit(ctx, t)
	return err
}

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
