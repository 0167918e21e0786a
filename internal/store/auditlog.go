package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"sipward/internal/account"
	"sipward/internal/audit"
	"sipward/internal/store/kv"
)

// auditTag is the chain of what changes nothing: denials and exports.
const auditTag = "audit"

// Audit is the audit log as it is read; it is written by [audited].
type Audit struct {
	c    *core
	port audited
	keep time.Duration // 0: for ever
}

// tags are the chains: one a bucket, and those of the other tags under which nouns stand.
func (r *Audit) tags() []string {
	return append(slices.Clone(r.c.keys.bucket[:]), orgTag, auditTag)
}

// Note writes an entry that belongs to no change, under the act of ctx.
func (r *Audit) Note(ctx context.Context, result audit.Result, detail string) error {
	act, ok := audit.From(ctx)
	if !ok {
		return errors.New("audit: nobody acts")
	}
	e := audit.Entry{At: r.c.now().UTC(), Result: result, Detail: detail, Act: act}
	return r.c.retry(ctx, "audit", func(bool) error {
		head, err := r.c.read(ctx, auditHead(auditTag))
		if err != nil {
			return err
		}
		t, err := r.port.entered(kv.Txn{Tag: auditTag}, head, e)
		if err != nil {
			return err
		}
		if _, err = r.port.Store.Commit(ctx, t); err == nil {
			r.port.told(e)
		}
		return err
	})
}

// List pages through the log, the newest first.
func (r *Audit) List(ctx context.Context, f audit.Filter, cursor string, limit int) (p Page[audit.Line], err error) {
	limit = pageSize(limit)
	after, err := parsePast(cursor)
	if err != nil {
		return p, err
	}
	indexes := r.indexes(f)
	for seen := 0; seen < scanLimit; {
		batch, err := r.c.newestOf(ctx, indexes, window{from: f.From, until: f.Until}, after, limit+1)
		if err != nil {
			return p, err
		}
		found, err := r.read(ctx, batch)
		if err != nil {
			return p, err
		}
		for i, l := range found {
			if l != nil && f.Matches(l.entry) {
				if len(p.Items) == limit {
					p.Next = pastCursor(*after)
					return p, nil
				}
				p.Items = append(p.Items, l.line)
			}
			after = &batch[i]
		}
		if seen += len(batch); len(batch) <= limit {
			return p, nil
		}
	}
	p.Next = pastCursor(*after)
	return p, nil
}

// indexes are where the filter's entries stand.
func (r *Audit) indexes(f audit.Filter) (keys []kv.Key) {
	if f.Kind != "" && f.ID != "" {
		if !plain(strings.NewReplacer("/", "").Replace(f.ID)) {
			return nil
		}
		tag := orgTag
		if slices.Contains([]string{"account", "registrations", "licence", "timeline"}, f.Kind) {
			tag = r.c.keys.tag(account.ID(f.ID))
		}
		return []kv.Key{auditOf(tag, f.Kind, f.ID)}
	}
	for _, t := range r.tags() {
		keys = append(keys, auditIndex(t))
	}
	return keys
}

type auditRead struct {
	line  audit.Line
	entry audit.Entry
}

func (r *Audit) read(ctx context.Context, members []kv.Member) ([]*auditRead, error) {
	keys := make([]kv.Key, len(members))
	for i, m := range members {
		tag, seq, _ := strings.Cut(m.Name, "/")
		var n uint64
		_, _ = fmt.Sscanf(seq, "%d", &n) // our own spelling; another reads as 0, which is not there
		keys[i] = auditLine(tag, n)
	}
	found := make([]*auditRead, len(members))
	err := r.c.readMany(ctx, keys, func(i int, rec kv.Record) error {
		if rec.Version == 0 {
			return nil // removed by age, or by somebody: Verify tells
		}
		line, e, err := audit.ParseLine(rec.Value)
		if err != nil {
			r.c.alarm(ctx, "misfit", keys[i], err)
			return nil
		}
		found[i] = &auditRead{line, e}
		return nil
	})
	return found, err
}

// Verify walks every chain and returns how many entries it saw, and what is wrong.
func (r *Audit) Verify(ctx context.Context) (entries int, faults []audit.Fault, err error) {
	for _, tag := range r.tags() {
		n, wrong, err := r.verify(ctx, tag)
		if err != nil {
			return entries, faults, err
		}
		entries, faults = entries+n, append(faults, wrong...)
	}
	return entries, faults, nil
}

func (r *Audit) verify(ctx context.Context, tag string) (n int, faults []audit.Fault, err error) {
	rec, err := r.c.read(ctx, auditHead(tag))
	if err != nil {
		return 0, nil, err
	}
	if rec.Version == 0 {
		first, err := r.c.kv.Read(ctx, auditLine(tag, 1))
		if err == nil && first[0].Version != 0 {
			faults = []audit.Fault{{Chain: tag, Seq: 0, What: "the chain's head is missing"}}
		}
		return 0, faults, err
	}
	h, err := readHead(tag, rec)
	if err != nil {
		return 0, []audit.Fault{{Chain: tag, What: "the chain's head cannot be read"}}, nil
	}
	c := audit.NewChecker(tag, h.First-1, h.Base)
	for seq := h.First; seq <= h.Seq; seq += readBatch {
		var keys []kv.Key
		for s := seq; s <= h.Seq && s < seq+readBatch; s++ {
			keys = append(keys, auditLine(tag, s))
		}
		err := r.c.readMany(ctx, keys, func(i int, rec kv.Record) error {
			line, _, err := audit.ParseLine(rec.Value)
			if rec.Version == 0 {
				c.Missing(seq + uint64(i))
				return nil
			}
			if err != nil {
				line = audit.Line{Entry: []byte("?")}
			}
			n++
			c.Next(line)
			return nil
		})
		if err != nil {
			return n, c.Faults, err
		}
	}
	c.End(h, r.port.keys)
	return n, c.Faults, nil
}

// sweep removes what is older than its time from the beginning of each chain; the head remembers where it now begins.
func (r *Audit) sweep(ctx context.Context) error {
	if r.keep <= 0 {
		return nil
	}
	until := float64(r.c.now().Add(-r.keep).UnixMilli())
	for _, tag := range r.tags() {
		got, err := r.c.kv.Ranges(ctx, kv.Range{Index: auditIndex(tag), Min: math.Inf(-1), Max: until, Limit: readBatch})
		if err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
		if len(got[0]) == 0 {
			continue
		}
		if err := r.forget(ctx, tag, got[0]); err != nil && !errors.Is(err, kv.ErrConflict) { // another node sweeps, or somebody acts
			return fmt.Errorf("sweep: %w", err)
		}
	}
	return nil
}

func (r *Audit) forget(ctx context.Context, tag string, members []kv.Member) error {
	rec, err := r.c.read(ctx, auditHead(tag))
	if err != nil {
		return err
	}
	h, err := readHead(tag, rec)
	if err != nil {
		return err
	}
	found, err := r.read(ctx, members)
	if err != nil {
		return err
	}
	t := kv.Txn{Tag: tag, Checks: []kv.Check{{Key: auditHead(tag), Version: rec.Version}}}
	for i, l := range found {
		if l == nil || l.entry.Seq != h.First { // a clock that went back, or a fault: Verify's affair
			break
		}
		h.First, h.Base = h.First+1, l.line.Hash
		t.Deletes = append(t.Deletes, auditLine(tag, l.entry.Seq))
		t.Removes = append(t.Removes, kv.IndexRemove{Index: auditIndex(tag), Member: members[i].Name})
		for _, o := range l.entry.Objects {
			t.Removes = append(t.Removes, kv.IndexRemove{Index: auditOf(tag, o.Kind, o.ID), Member: members[i].Name})
		}
	}
	if len(t.Deletes) == 0 {
		return nil
	}
	value, err := marshalHead(r.port.keys.Seal(h))
	if err != nil {
		return err
	}
	t.Puts = []kv.Put{{Key: auditHead(tag), Value: value}}
	return r.c.commit(ctx, t)
}
