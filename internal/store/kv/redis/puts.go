package redis

import (
	"encoding/binary"
	"time"

	"github.com/redis/go-redis/v9"

	"sipward/internal/store/kv"
)

// put is a transaction that shares puts.lua with others: some checks, and a put of the last record checked, which ends.
// It is what every REGISTER writes, and most of a command's cost in Redis is running a script at all.
type put struct {
	checks []kv.Check
	keys   []string // of the checks
	ttl    int64    // ms
	value  []byte   // behind its new version

	failed int64 // what the script said: the number of the check that failed, 0: it is written
	err    error // why it said nothing
}

// mostShared bounds the value of a put that shares a script: Redis does nothing else meanwhile.
const mostShared = 16 << 10

// onlyPut reports what puts.lua can do.
func onlyPut(t *kv.Txn, now time.Time) bool {
	n := len(t.Checks)
	return n > 0 && len(t.Puts) == 1 && len(t.Deletes)+len(t.Adds)+len(t.Removes)+len(t.Appends) == 0 &&
		t.Puts[0].Key == t.Checks[n-1].Key && t.Puts[0].Expires.Sub(now) >= time.Millisecond && len(t.Puts[0].Value) <= mostShared
}

// newPut lays t out. The new version is known here: the put happens only if the check of the old one holds.
func (s *Store) newPut(t *kv.Txn, now time.Time) *put {
	w := &t.Puts[0]
	p := &put{checks: t.Checks, keys: make([]string, len(t.Checks)), ttl: w.Expires.Sub(now).Milliseconds()}
	for i := range t.Checks {
		p.keys[i] = s.physical(t.Checks[i].Key)
	}
	p.value = make([]byte, 0, versionSize+len(w.Value))
	p.value = append(binary.BigEndian.AppendUint64(p.value, t.Checks[len(t.Checks)-1].Version+1), w.Value...)
	return p
}

func (p *put) result() (kv.Result, error) {
	if p.failed != 0 {
		return kv.Result{}, conflict(&p.checks[p.failed-1])
	}
	return kv.Result{Versions: []uint64{p.checks[len(p.checks)-1].Version + 1}}, nil
}

// share puts the puts of a batch together, one call of puts.lua for all, or on a cluster for each hash tag, and returns
// what is to be sent. Calls that nobody waits for any more are left out.
func (c *collector) share(batch []*call) (all, shared []*call) {
	all = make([]*call, 0, len(batch))
	for _, q := range batch {
		if q.gone.Load() {
			continue
		}
		if q.put == nil {
			all = append(all, q)
			continue
		}
		at := c.partner(shared, q)
		if at == nil {
			at = &call{}
			shared = append(shared, at)
		}
		at.members = append(at.members, q)
	}
	for _, q := range shared {
		args := putArguments(q.members)
		q.cmds = []redis.Cmder{c.puts.command(c.life, args, false)}
		q.again = func() []redis.Cmder { return []redis.Cmder{c.puts.command(c.life, args, true)} }
	}
	return append(all, shared...), shared
}

// partner is the shared call that takes q along; nil: none yet.
func (c *collector) partner(shared []*call, q *call) *call {
	for _, s := range shared {
		if !c.slots || s.members[0].put.checks[0].Key.Tag == q.put.checks[0].Key.Tag {
			return s
		}
	}
	return nil
}

// putArguments lays the puts out as puts.lua reads them: numkeys, KEYS, ARGV.
func putArguments(members []*call) []any {
	keys := 0
	for _, q := range members {
		keys += len(q.put.keys)
	}
	args := make([]any, 1, 1+2*keys+3*len(members))
	args[0] = keys
	for _, q := range members {
		for i := range q.put.keys {
			args = append(args, q.put.keys[i])
		}
	}
	for _, q := range members {
		args = append(args, len(q.put.keys))
		for i := range q.put.checks {
			args = append(args, versionPrefix(q.put.checks[i].Version))
		}
		args = append(args, q.put.ttl, q.put.value)
	}
	return args
}

// spread tells each member of a shared call what the script said of it.
func (q *call) spread() {
	cmd := q.cmds[0].(once).Cmd
	said, ok := cmd.Val().([]any)
	for i, m := range q.members {
		m.put.err = cmd.Err()
		if m.put.err != nil {
			continue
		}
		m.put.failed = -1
		if ok && len(said) == len(q.members) {
			m.put.failed, _ = said[i].(int64)
		}
		if m.put.failed < 0 || m.put.failed > int64(len(m.put.checks)) {
			m.put.err = errAnswer()
		}
	}
}
