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
	run, args, bytes := s.plan(&t, time.Now())
	q := &call{
		cmds:  []redis.Cmder{run.command(s.calls.life, args, false)},
		again: func() []redis.Cmder { return []redis.Cmder{run.command(s.calls.life, args, true)} },
	}
	if bytes > soloBytes {
		q.bytes = bytes
	}
	if err := s.calls.do(ctx, q); err != nil {
		return kv.Result{}, err
	}
	return result(&t, q.cmds[0].(once).Cmd)
}

// plan chooses the script and lays out its arguments; the last result is the bytes of values.
func (s *Store) plan(t *kv.Txn, now time.Time) (script, []any, int) {
	if onlyPut(t, now) {
		return s.put, s.putArguments(t, now), len(t.Puts[0].Value)
	}
	args, bytes := s.arguments(t, now)
	return s.txn, args, bytes
}

// onlyPut reports what put.lua can do: nothing but checks and a put, with an end in the future, of the last one checked.
func onlyPut(t *kv.Txn, now time.Time) bool {
	n := len(t.Checks)
	return n > 0 && len(t.Puts) == 1 && len(t.Deletes)+len(t.Adds)+len(t.Removes)+len(t.Appends) == 0 &&
		t.Puts[0].Key == t.Checks[n-1].Key && t.Puts[0].Expires.Sub(now) >= time.Millisecond
}

// putArguments lays the transaction out as put.lua reads it. The new version is known here: the put happens only if the
// check of the old one holds.
func (s *Store) putArguments(t *kv.Txn, now time.Time) []any {
	n, p := len(t.Checks), &t.Puts[0]
	args := make([]any, 1, 1+2*n+2)
	args[0] = n
	for i := range t.Checks {
		args = append(args, s.physical(t.Checks[i].Key))
	}
	for i := range t.Checks {
		args = append(args, versionPrefix(t.Checks[i].Version))
	}
	value := make([]byte, 0, versionSize+len(p.Value))
	value = binary.BigEndian.AppendUint64(value, t.Checks[n-1].Version+1)
	return append(args, rest(p.Expires, now), append(value, p.Value...))
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

// result reads the script's answer: the number of the check that failed, 0 from put.lua, or the versions and the ids.
func result(t *kv.Txn, cmd *redis.Cmd) (kv.Result, error) {
	switch v := cmd.Val().(type) {
	case int64:
		if v == 0 && len(t.Puts) == 1 && len(t.Checks) > 0 { // put.lua
			return kv.Result{Versions: []uint64{t.Checks[len(t.Checks)-1].Version + 1}}, nil
		}
		if v < 1 || v > int64(len(t.Checks)) {
			break
		}
		return kv.Result{}, fmt.Errorf("%w: %s is not at version %d", kv.ErrConflict, t.Checks[v-1].Key, t.Checks[v-1].Version)
	case []any:
		if len(v) == len(t.Puts)+len(t.Appends) {
			return results(t, v)
		}
	}
	return kv.Result{}, errAnswer()
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
