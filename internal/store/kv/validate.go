package kv

import (
	"fmt"
	"math"
	"strings"
)

// Limits that both adapters hold, so that what runs on one runs on the other.
const (
	MaxName  = 4 << 10  // bytes of a key's name with its tag, and of a member
	MaxValue = 32 << 20 // bytes of a record's or an entry's value
	MaxItems = 4096     // checks and writes of one transaction
)

// DefaultLimit is how many members a Range, and entries of each stream a call of Tails, gives when it does not say.
const DefaultLimit = 1000

// Valid tells what makes a key unusable. Braces in a tag would change which part of the key Redis Cluster hashes.
func (k Key) Valid() error {
	switch {
	case k.Tag == "" || k.Name == "":
		return fmt.Errorf("%w: key %q needs a tag and a name", ErrInvalid, k.String())
	case strings.ContainsAny(k.Tag, "{}"):
		return fmt.Errorf("%w: the tag of key %q has a brace", ErrInvalid, k.String())
	case len(k.Tag)+len(k.Name) > MaxName:
		return fmt.Errorf("%w: a key of %d bytes, at most %d", ErrInvalid, len(k.Tag)+len(k.Name), MaxName)
	}
	return nil
}

// Valid tells what makes a transaction unusable: a key under another tag (on Redis Cluster it would live elsewhere), a
// record written twice, a name or value too long, a score that is no number. Both adapters refuse the same.
func (t *Txn) Valid() error {
	n := len(t.Checks) + len(t.Puts) + len(t.Deletes) + len(t.Adds) + len(t.Removes) + len(t.Appends)
	if n == 0 || n > MaxItems {
		return fmt.Errorf("%w: a transaction of %d items, want 1 to %d", ErrInvalid, n, MaxItems)
	}
	for i := range t.Checks {
		if err := t.owns(t.Checks[i].Key); err != nil {
			return err
		}
	}
	if err := t.validWrites(); err != nil {
		return err
	}
	return t.writesOnce()
}

func (t *Txn) validWrites() error {
	for i := range t.Puts {
		if err := t.item(t.Puts[i].Key, "", t.Puts[i].Value, 0); err != nil {
			return err
		}
	}
	for i := range t.Deletes {
		if err := t.owns(t.Deletes[i]); err != nil {
			return err
		}
	}
	for i := range t.Adds {
		if err := t.item(t.Adds[i].Index, t.Adds[i].Member, nil, t.Adds[i].Score); err != nil {
			return err
		}
	}
	for i := range t.Removes {
		if err := t.item(t.Removes[i].Index, t.Removes[i].Member, nil, 0); err != nil {
			return err
		}
	}
	for i := range t.Appends {
		if err := t.item(t.Appends[i].Stream, "", t.Appends[i].Value, 0); err != nil {
			return err
		}
	}
	return nil
}

func (t *Txn) owns(k Key) error {
	if k.Tag != t.Tag {
		return fmt.Errorf("%w: the transaction under tag %q touches %q, which has another tag", ErrInvalid, t.Tag, k.String())
	}
	return k.Valid()
}

func (t *Txn) item(k Key, member string, value []byte, score float64) error {
	if err := t.owns(k); err != nil {
		return err
	}
	switch {
	case len(member) > MaxName:
		return fmt.Errorf("%w: a member of %d bytes, at most %d", ErrInvalid, len(member), MaxName)
	case len(value) > MaxValue:
		return fmt.Errorf("%w: %s of %d bytes, at most %d", ErrInvalid, k.String(), len(value), MaxValue)
	case math.IsNaN(score):
		return fmt.Errorf("%w: the score of %q in %s is not a number", ErrInvalid, member, k.String())
	}
	return nil
}

// writesOnce finds a record that is put or deleted twice. Few transactions write more than four records: those are
// compared one by one, without a map.
func (t *Txn) writesOnce() error {
	n := len(t.Puts) + len(t.Deletes)
	if n > 16 {
		return t.writesOnceOfMany(n)
	}
	for i := range n {
		for j := range i {
			if t.written(i) == t.written(j) {
				return fmt.Errorf("%w: %s is written twice in one transaction", ErrInvalid, t.written(i))
			}
		}
	}
	return nil
}

func (t *Txn) writesOnceOfMany(n int) error {
	seen := make(map[Key]struct{}, n)
	for i := range n {
		seen[t.written(i)] = struct{}{}
		if len(seen) <= i {
			return fmt.Errorf("%w: %s is written twice in one transaction", ErrInvalid, t.written(i))
		}
	}
	return nil
}

// written is the i-th record written: the puts, then the deletes.
func (t *Txn) written(i int) Key {
	if i < len(t.Puts) {
		return t.Puts[i].Key
	}
	return t.Deletes[i-len(t.Puts)]
}

// Valid tells what makes a range unusable, and fills in the default limit.
func (r *Range) Valid() error {
	if math.IsNaN(r.Min) || math.IsNaN(r.Max) || r.After != nil && math.IsNaN(r.After.Score) {
		return fmt.Errorf("%w: a bound of the range over %s is not a number", ErrInvalid, r.Index)
	}
	if r.Limit <= 0 {
		r.Limit = DefaultLimit
	}
	return r.Index.Valid()
}
