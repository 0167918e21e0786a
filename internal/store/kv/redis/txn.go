package redis

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"sipward/internal/store/kv"
)

// versionSize is how many bytes before a value hold its version.
const versionSize = 8

// Commit runs the transaction's script in the next pipeline.
func (s *Store) Commit(ctx context.Context, t kv.Txn) (kv.Result, error) {
	if err := t.Valid(); err != nil {
		return kv.Result{}, err
	}
	q := s.plan(&t, time.Now())
	if err := s.calls.do(ctx, q); err != nil {
		return kv.Result{}, err
	}
	if q.put != nil {
		return q.put.result()
	}
	return result(&t, q.cmds[0].(once).Cmd)
}

// Begin is Commit without a goroutine that waits: done is told the outcome once, at the latest when a call's time is
// over, and perhaps before Begin returns. It must not hold the goroutine it is called on.
func (s *Store) Begin(t kv.Txn, done func(kv.Result, error)) {
	if err := t.Valid(); err != nil {
		done(kv.Result{}, err)
		return
	}
	q := s.plan(&t, time.Now())
	s.calls.begin(q, func(err error) {
		switch {
		case err != nil:
			done(kv.Result{}, err)
		case q.put != nil:
			done(q.put.result())
		default:
			done(result(&t, q.cmds[0].(once).Cmd))
		}
	})
}

// plan lays the call out: a share of puts.lua, or txn.lua for itself.
func (s *Store) plan(t *kv.Txn, now time.Time) *call {
	if onlyPut(t, now) {
		return &call{put: s.newPut(t, now)}
	}
	args, bytes := s.arguments(t, now)
	q := &call{
		cmds:  []redis.Cmder{s.txn.command(s.calls.life, args, false)},
		again: func() []redis.Cmder { return []redis.Cmder{s.txn.command(s.calls.life, args, true)} },
	}
	if bytes > soloBytes {
		q.bytes = bytes
	}
	return q
}

// arguments lays the transaction out as txn.lua reads it: numkeys, KEYS, ARGV. The second result is the bytes of values.
func (s *Store) arguments(t *kv.Txn, now time.Time) ([]any, int) {
	adds := groups(t.Adds)
	keys := len(t.Checks) + len(t.Puts) + len(t.Deletes) + len(adds) + len(t.Removes) + len(t.Appends)
	args := make([]any, 0, 1+keys+6+2*keys+2*len(t.Adds))
	args = s.keys(append(args, keys), t, adds)
	args = append(args, len(t.Checks), len(t.Puts), len(t.Deletes), len(adds), len(t.Removes), len(t.Appends))
	bytes := 0
	for i := range t.Checks {
		args = append(args, versionPrefix(t.Checks[i].Version))
	}
	for i := range t.Puts {
		args = append(args, rest(t.Puts[i].Expires, now), t.Puts[i].Value)
		bytes += len(t.Puts[i].Value)
	}
	for _, g := range adds {
		args = append(args, 2*len(g.adds))
		for _, a := range g.adds {
			args = append(args, score(a.Score), a.Member)
		}
	}
	for i := range t.Removes {
		args = append(args, t.Removes[i].Member)
	}
	for i := range t.Appends {
		args = append(args, max(t.Appends[i].MaxLen, 0), t.Appends[i].Value)
		bytes += len(t.Appends[i].Value)
	}
	return args, bytes
}

func (s *Store) keys(args []any, t *kv.Txn, adds []group) []any {
	for i := range t.Checks {
		args = append(args, s.physical(t.Checks[i].Key))
	}
	for i := range t.Puts {
		args = append(args, s.physical(t.Puts[i].Key))
	}
	for _, k := range t.Deletes {
		args = append(args, s.physical(k))
	}
	for i := range adds {
		args = append(args, s.physical(adds[i].index))
	}
	for i := range t.Removes {
		args = append(args, s.physical(t.Removes[i].Index))
	}
	for i := range t.Appends {
		args = append(args, s.physical(t.Appends[i].Stream))
	}
	return args
}

// versionPrefix is what GETRANGE gives of a record with this version: nothing when it is absent.
func versionPrefix(v uint64) any {
	if v == 0 {
		return ""
	}
	return binary.BigEndian.AppendUint64(nil, v)
}

// rest is how long a record has to live, in milliseconds: "" for ever, 0 not at all.
func rest(expires, now time.Time) any {
	if expires.IsZero() {
		return ""
	}
	return max(expires.Sub(now).Milliseconds(), 0)
}

func score(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// result reads the script's answer: the number of the check that failed, or the versions and the ids.
func result(t *kv.Txn, cmd *redis.Cmd) (kv.Result, error) {
	switch v := cmd.Val().(type) {
	case int64:
		if v < 1 || v > int64(len(t.Checks)) {
			break
		}
		return kv.Result{}, conflict(&t.Checks[v-1])
	case []any:
		if len(v) == len(t.Puts)+len(t.Appends) {
			return results(t, v)
		}
	}
	return kv.Result{}, errAnswer()
}

func conflict(c *kv.Check) error {
	return fmt.Errorf("%w: %s is not at version %d", kv.ErrConflict, c.Key, c.Version)
}

func errAnswer() error {
	return fmt.Errorf("%w: %w", kv.ErrUnavailable, errors.New("an answer of Redis that is none of ours"))
}

func results(t *kv.Txn, v []any) (kv.Result, error) {
	var r kv.Result
	if len(t.Puts) > 0 {
		r.Versions = make([]uint64, len(t.Puts))
	}
	for i := range r.Versions {
		n, ok := v[i].(int64)
		if !ok {
			return kv.Result{}, errAnswer()
		}
		r.Versions[i] = uint64(n)
	}
	for _, id := range v[len(t.Puts):] {
		text, ok := id.(string)
		if !ok {
			return kv.Result{}, errAnswer()
		}
		r.Entries = append(r.Entries, text)
	}
	return r, nil
}
