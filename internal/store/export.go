package store

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// exportFormat is the number of the export's form.
const exportFormat = 1

// The kinds of lines, in the order in which they are written.
const (
	lineHeader  = "header"
	lineGroup   = "group"
	lineProfile = "profile"
	lineToken   = "token"
	lineWAV     = "wav"
	lineClip    = "clip"
	lineAccount = "account"
	lineHeld    = "held"
	lineEnd     = "end"
)

// line is one line of an export. Records travel as they are stored, so what this version does not know travels too.
type line struct {
	Kind     string          `json:"kind"`
	ID       string          `json:"id,omitempty"`
	Value    json.RawMessage `json:"value,omitempty"`
	Location json.RawMessage `json:"location,omitempty"` // of an account
	Data     []byte          `json:"data,omitempty"`     // of a wav
	Owner    account.ID      `json:"owner,omitempty"`    // of a held user name
	At       time.Time       `json:"at,omitzero"`        // header: when; held: until when
	Format   int             `json:"format,omitempty"`   // header
	Lines    int             `json:"lines,omitempty"`    // end: how many came before
}

// exporter writes lines and counts them.
type exporter struct {
	c     *core
	enc   *json.Encoder
	lines int
}

// Export writes everything but the change stream and the heartbeats as JSON lines, for Import into an empty store of any
// kind. It holds sealed credentials and token hashes: keep it as secret as the store. It is no snapshot: what is changed
// meanwhile may be missing, so stop the nodes to move a store.
func (s *Store) Export(ctx context.Context, w io.Writer) error {
	buffered := bufio.NewWriterSize(w, 64<<10)
	e := &exporter{c: s.c, enc: json.NewEncoder(buffered)}
	e.enc.SetEscapeHTML(false)
	if err := e.put(line{Kind: lineHeader, Format: exportFormat, At: s.c.now().UTC()}); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	for _, part := range []func(context.Context) error{e.profiles, e.groups, e.tokens, e.clips, e.accounts, e.held} {
		if err := part(ctx); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	if err := e.put(line{Kind: lineEnd, Lines: e.lines}); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

func (e *exporter) put(l line) error {
	e.lines++
	return e.enc.Encode(l)
}

// indexed writes the records that an index under the common tag names.
func (e *exporter) indexed(ctx context.Context, kind string, index kv.Key, key func(string) kv.Key) error {
	ids, err := e.c.all(ctx, index)
	if err != nil {
		return err
	}
	keys := make([]kv.Key, len(ids))
	for i, id := range ids {
		keys[i] = key(id)
	}
	return e.c.readMany(ctx, keys, func(i int, rec kv.Record) error {
		if rec.Version == 0 {
			return nil // deleted meanwhile
		}
		return e.put(line{Kind: kind, ID: ids[i], Value: rec.Value})
	})
}

func (e *exporter) groups(ctx context.Context) error {
	return e.indexed(ctx, lineGroup, e.c.keys.groups(), func(id string) kv.Key { return e.c.keys.group(account.GroupID(id)) })
}

func (e *exporter) profiles(ctx context.Context) error {
	r := newProfiles(e.c)
	return e.indexed(ctx, lineProfile, r.index, r.key)
}

func (e *exporter) tokens(ctx context.Context) error {
	return e.indexed(ctx, lineToken, e.c.keys.tokens(), e.c.keys.token)
}

// clips writes the bytes, then the clips that name them.
func (e *exporter) clips(ctx context.Context) error {
	var pieces []string
	if err := e.c.eachClip(ctx, func(clip clipRecord, _ uint64) { pieces = append(pieces, clip.pieces()...) }); err != nil {
		return err
	}
	for _, name := range pieces {
		rec, err := e.c.read(ctx, e.c.keys.wav(name))
		if err != nil {
			return err
		}
		if err := e.put(line{Kind: lineWAV, ID: name, Data: rec.Value}); err != nil {
			return err
		}
	}
	return e.indexed(ctx, lineClip, e.c.keys.clips(), e.c.keys.clip)
}

// accounts writes every account with its location, bucket by bucket.
func (e *exporter) accounts(ctx context.Context) error {
	for b := range buckets {
		ids, err := e.c.all(ctx, e.c.keys.accounts(b))
		if err != nil {
			return err
		}
		keys := make([]kv.Key, 0, 2*len(ids))
		for _, id := range ids {
			keys = append(keys, e.c.keys.account(account.ID(id)), e.c.keys.location(account.ID(id)))
		}
		var acc kv.Record
		err = e.c.readMany(ctx, keys, func(i int, rec kv.Record) error {
			if i%2 == 0 {
				acc = rec
				return nil
			}
			if acc.Version == 0 {
				return nil // deleted meanwhile
			}
			return e.put(line{Kind: lineAccount, ID: ids[i/2], Value: acc.Value, Location: rec.Value})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *exporter) held(ctx context.Context) error {
	found, err := e.c.members(ctx, e.c.keys.held, math.Inf(1))
	if err != nil {
		return err
	}
	for _, members := range found {
		for _, m := range members {
			user, id, _ := strings.Cut(m.Name, " ")
			until := time.UnixMilli(int64(m.Score)).UTC()
			if err := e.put(line{Kind: lineHeld, ID: user, Owner: account.ID(id), At: until}); err != nil {
				return err
			}
		}
	}
	return nil
}
