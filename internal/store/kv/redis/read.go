package redis

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"sipward/internal/store/kv"
)

// Read gets all keys in one pipeline.
func (s *Store) Read(ctx context.Context, keys ...kv.Key) ([]kv.Record, error) {
	q := &call{cmds: make([]redis.Cmder, len(keys))}
	for i, k := range keys {
		q.cmds[i] = redis.NewStringCmd(s.calls.life, "get", s.physical(k))
	}
	if err := s.ask(ctx, q); err != nil {
		return nil, err
	}
	records := make([]kv.Record, len(keys))
	for i, cmd := range q.cmds {
		b, err := cmd.(*redis.StringCmd).Bytes()
		if errors.Is(err, redis.Nil) {
			continue
		}
		// R15: what somebody else wrote is not served
		if err != nil || len(b) < versionSize {
			return nil, fmt.Errorf("%w: the record %s is not one of ours: restore it from a backup", kv.ErrUnavailable, keys[i])
		}
		records[i] = kv.Record{Version: binary.BigEndian.Uint64(b), Value: b[versionSize:]}
	}
	return records, nil
}

// ask is do, for calls that may have nothing to ask.
func (s *Store) ask(ctx context.Context, q *call) error {
	if len(q.cmds) == 0 {
		return ctx.Err()
	}
	return s.calls.do(ctx, q)
}

// Count asks for the size of each sorted set.
func (s *Store) Count(ctx context.Context, indexes ...kv.Key) ([]int, error) {
	q := &call{cmds: make([]redis.Cmder, len(indexes))}
	for i, k := range indexes {
		q.cmds[i] = redis.NewIntCmd(s.calls.life, "zcard", s.physical(k))
	}
	if err := s.ask(ctx, q); err != nil {
		return nil, err
	}
	sizes := make([]int, len(indexes))
	for i, cmd := range q.cmds {
		sizes[i] = int(cmd.(*redis.IntCmd).Val())
	}
	return sizes, nil
}

// Heads asks for the newest entry of each stream.
func (s *Store) Heads(ctx context.Context, streams ...kv.Key) ([]string, error) {
	q := &call{cmds: make([]redis.Cmder, len(streams))}
	for i, k := range streams {
		q.cmds[i] = s.newest(k)
	}
	if err := s.ask(ctx, q); err != nil {
		return nil, err
	}
	ids := make([]string, len(streams))
	for i, cmd := range q.cmds {
		ids[i] = firstID(cmd)
	}
	return ids, nil
}

func (s *Store) newest(k kv.Key) redis.Cmder {
	return redis.NewXMessageSliceCmd(s.calls.life, "xrevrange", s.physical(k), "+", "-", "count", 1)
}

func (s *Store) oldest(k kv.Key) redis.Cmder {
	return redis.NewXMessageSliceCmd(s.calls.life, "xrange", s.physical(k), "-", "+", "count", 1)
}

// firstID is the id of the first entry in an answer, "" when there is none.
func firstID(cmd redis.Cmder) string {
	if m := cmd.(*redis.XMessageSliceCmd).Val(); len(m) > 0 {
		return m[0].ID
	}
	return ""
}

// Ranges asks for a range by score where it begins at one, and runs range.lua where it goes on behind a member.
func (s *Store) Ranges(ctx context.Context, ranges ...kv.Range) ([][]kv.Member, error) {
	ranges = slices.Clone(ranges)
	for i := range ranges {
		if err := ranges[i].Valid(); err != nil {
			return nil, err
		}
	}
	build := func(whole bool) []redis.Cmder {
		cmds := make([]redis.Cmder, len(ranges))
		for i := range ranges {
			cmds[i] = s.rangeCommand(&ranges[i], whole)
		}
		return cmds
	}
	q := &call{cmds: build(false), again: func() []redis.Cmder { return build(true) }}
	if err := s.ask(ctx, q); err != nil {
		return nil, err
	}
	found := make([][]kv.Member, len(ranges))
	for i, cmd := range q.cmds {
		var err error
		if found[i], err = members(&ranges[i], cmd); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (s *Store) rangeCommand(r *kv.Range, whole bool) redis.Cmder {
	key, lo, hi := s.physical(r.Index), score(r.Min), score(r.Max)
	if r.After != nil {
		down := "0"
		if r.Reverse {
			down = "1"
		}
		return s.after.command(s.calls.life, []any{1, key, lo, hi, r.Limit, down, score(r.After.Score), r.After.Name}, whole)
	}
	if r.Reverse {
		return redis.NewZSliceCmd(s.calls.life, "zrevrangebyscore", key, hi, lo, "withscores", "limit", 0, r.Limit)
	}
	return redis.NewZSliceCmd(s.calls.life, "zrangebyscore", key, lo, hi, "withscores", "limit", 0, r.Limit)
}

func members(r *kv.Range, cmd redis.Cmder) ([]kv.Member, error) {
	if z, ok := cmd.(*redis.ZSliceCmd); ok {
		found := make([]kv.Member, len(z.Val()))
		for i, m := range z.Val() {
			found[i] = kv.Member{Name: m.Member.(string), Score: m.Score}
		}
		return found, nil
	}
	flat, err := cmd.(once).StringSlice()
	if err != nil {
		return nil, errAnswer()
	}
	found := make([]kv.Member, 0, len(flat)/2)
	for i := 0; i+1 < len(flat); i += 2 {
		f, err := strconv.ParseFloat(flat[i+1], 64)
		if err != nil || math.IsNaN(f) {
			return nil, errAnswer()
		}
		if f < r.Min || f > r.Max { // the script bounds only the side it begins at
			break
		}
		found = append(found, kv.Member{Name: flat[i], Score: f})
	}
	return found, nil
}
