package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

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
