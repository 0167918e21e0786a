package store

import (
	"context"
	"fmt"
	"math"
	"strings"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// sweep forgets records whose time is over, up to 1000 of each tag.
func (h *history[T]) sweep(ctx context.Context) error {
	until := h.c.now()
	if h.keep >= 0 {
		until = until.Add(-h.keep)
	}
	ranges := make([]kv.Range, histories)
	for i := range ranges {
		ranges[i] = kv.Range{Index: h.c.keys.pastIndex(h.kind, i, ""), Min: math.Inf(-1), Max: float64(until.UnixMilli())}
	}
	old, err := h.c.kv.Ranges(ctx, ranges...)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	for i, members := range old {
		if err := h.forget(ctx, i, members); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
	}
	return nil
}

func (h *history[T]) forget(ctx context.Context, shard int, members []kv.Member) error {
	if len(members) == 0 {
		return nil
	}
	var t kv.Txn
	for _, m := range members {
		id, accounts, _ := strings.Cut(m.Name, "/")
		key := h.c.keys.past(h.kind, shard, id)
		t.Tag = key.Tag
		t.Deletes = append(t.Deletes, key)
		t.Removes = append(t.Removes, kv.IndexRemove{Index: h.c.keys.pastIndex(h.kind, shard, ""), Member: m.Name})
		for a := range strings.SplitSeq(accounts, "/") {
			if of := h.c.keys.pastIndex(h.kind, shard, account.ID(a)); a != "" {
				t.Removes = append(t.Removes, kv.IndexRemove{Index: of, Member: id}, kv.IndexRemove{Index: of, Member: m.Name}) // as earlier versions wrote it
			}
		}
	}
	_, err := h.c.kv.Commit(ctx, t)
	return err
}
