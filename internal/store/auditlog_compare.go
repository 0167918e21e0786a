package store

import (
	"context"
	"slices"

	"sipward/internal/audit"
	"sipward/internal/store/kv"
)

// Unknown returns those of the given lines, exported earlier and kept elsewhere, that the log does not hold: what was done
// after the backup that the store was set back to (K6). Lines that age has removed from a chain's beginning are no loss.
func (r *Audit) Unknown(ctx context.Context, kept []audit.Line) (missing []audit.Line, err error) {
	entries := make([]audit.Entry, len(kept))
	keys, heads := make([]kv.Key, len(kept)), map[string]audit.Head{}
	for i, l := range kept {
		if entries[i], err = l.Parse(); err != nil {
			return nil, err
		}
		chain := entries[i].Chain
		if _, seen := heads[chain]; !seen {
			if heads[chain], err = r.head(ctx, chain); err != nil {
				return nil, err
			}
		}
		keys[i] = auditLine(chain, entries[i].Seq)
	}
	err = r.c.readMany(ctx, keys, func(i int, rec kv.Record) error {
		line, _, _ := audit.ParseLine(rec.Value) // an absent or damaged line has another hash
		if line.Hash != kept[i].Hash && entries[i].Seq >= heads[entries[i].Chain].First {
			missing = append(missing, kept[i])
		}
		return nil
	})
	return missing, err
}

// head is the head of a chain as it stands; a chain that is none of ours, or has none yet, has an empty one.
func (r *Audit) head(ctx context.Context, chain string) (audit.Head, error) {
	if !slices.Contains(r.tags(), chain) {
		return audit.Head{}, audit.ErrLine
	}
	rec, err := r.c.read(ctx, auditHead(chain))
	if err != nil || rec.Version == 0 {
		return audit.Head{}, err
	}
	return readHead(chain, rec)
}
