package embedded

import (
	"fmt"

	"sipward/internal/store/kv"
)

// decide checks a transaction against the state and what the batch has decided before it, and adds its ops to the batch.
func (s *Store) decide(p *pending, now int64) error {
	for i := range p.txn.Checks {
		want := &p.txn.Checks[i]
		if have := s.version(want.Key, now); have != want.Version {
			return fmt.Errorf("%w: %s has version %d, not %d", kv.ErrConflict, want.Key, have, want.Version)
		}
	}
	s.decideRecords(p, now)
	s.decideIndexes(&p.txn)
	s.decideStreams(p, now)
	return nil
}

// version is that of a record as the next transaction of the batch sees it; 0: absent.
func (s *Store) version(k kv.Key, now int64) uint64 {
	if v, ok := s.committer.versions[k]; ok {
		return v
	}
	r, ok := s.cache.get(k)
	if !ok {
		r, s.committer.key = s.state.get(k, s.committer.key)
	}
	if !r.alive(now) {
		return 0
	}
	return r.version
}

func (s *Store) decideRecords(p *pending, now int64) {
	c := &s.committer
	if n := len(p.txn.Puts); n > 0 {
		p.result.Versions = make([]uint64, 0, n)
	}
	for i := range p.txn.Puts {
		put := &p.txn.Puts[i]
		o := op{kind: opPut, key: put.Key, version: s.version(put.Key, now) + 1, expires: unixMilli(put.Expires), value: put.Value}
		c.ops = append(c.ops, o)
		p.result.Versions = append(p.result.Versions, o.version)
		if c.versions[put.Key] = o.version; o.expires != 0 && o.expires <= now {
			c.versions[put.Key] = 0
		}
	}
	for _, k := range p.txn.Deletes {
		c.ops = append(c.ops, op{kind: opDelete, key: k})
		c.versions[k] = 0
	}
}

func (s *Store) decideIndexes(t *kv.Txn) {
	c := &s.committer
	for i := range t.Adds {
		c.ops = append(c.ops, op{kind: opAdd, key: t.Adds[i].Index, member: t.Adds[i].Member, score: t.Adds[i].Score})
	}
	for i := range t.Removes {
		c.ops = append(c.ops, op{kind: opRemove, key: t.Removes[i].Index, member: t.Removes[i].Member})
	}
}

func (s *Store) decideStreams(p *pending, now int64) {
	c := &s.committer
	for i := range p.txn.Appends {
		a := &p.txn.Appends[i]
		last, ok := c.newest[a.Stream]
		if !ok {
			c.key = appendKey(c.key[:0], a.Stream)
			last = s.state.stream(c.key).newest
		}
		id := last.Next(uint64(now))
		c.newest[a.Stream] = id
		c.ops = append(c.ops, op{kind: opAppend, key: a.Stream, id: id, max: a.MaxLen, value: a.Value})
		p.result.Entries = append(p.result.Entries, id.String())
	}
}
