package embedded

import (
	"bytes"
	"encoding/binary"
	"math"

	"sipward/internal/store/kv"
)

// orderedScore is 8 bytes that sort as the scores do; both zeros are one.
func orderedScore(f float64) uint64 {
	if f == 0 {
		return 1 << 63
	}
	u := math.Float64bits(f)
	if u>>63 == 1 {
		return ^u
	}
	return u | 1<<63
}

func unorderedScore(u uint64) float64 {
	if u>>63 == 1 {
		return math.Float64frombits(u &^ (1 << 63))
	}
	return math.Float64frombits(^u)
}

// orderKey is the key of a member in the order bucket.
func orderKey(b []byte, index kv.Key, score uint64, member string) []byte {
	return append(binary.BigEndian.AppendUint64(appendPrefix(b, index), score), member...)
}

func (s *state) add(o *op) error {
	score := orderedScore(o.score)
	known, err := s.unorder(o, score)
	if err != nil {
		return err
	}
	if err := s.order.Put(orderKey(nil, o.key, score, o.member), nil); err != nil {
		return err
	}
	if err := s.members.Put(append(appendPrefix(nil, o.key), o.member...), binary.BigEndian.AppendUint64(nil, score)); err != nil || known {
		return err
	}
	return s.count(o.key, +1)
}

func (s *state) remove(o *op) error {
	known, err := s.unorder(o, math.MaxUint64)
	if err != nil || !known {
		return err
	}
	if err := s.members.Delete(append(appendPrefix(nil, o.key), o.member...)); err != nil {
		return err
	}
	return s.count(o.key, -1)
}

// unorder takes a member's entry at another score than keep out of the order, and tells whether the member was known.
func (s *state) unorder(o *op, keep uint64) (bool, error) {
	old := s.members.Get(append(appendPrefix(nil, o.key), o.member...))
	if old == nil {
		return false, nil
	}
	if score := binary.BigEndian.Uint64(old); score != keep {
		return true, s.order.Delete(orderKey(nil, o.key, score, o.member))
	}
	return true, nil
}

func (s *state) count(index kv.Key, by int64) error {
	key := appendKey(nil, index)
	n := int64(s.size(key)) + by
	if n <= 0 {
		return s.counts.Delete(key)
	}
	return s.counts.Put(key, binary.BigEndian.AppendUint64(nil, uint64(n)))
}

// size is the number of members of an index.
func (s *state) size(key []byte) int {
	b := s.counts.Get(key)
	if b == nil {
		return 0
	}
	return int(binary.BigEndian.Uint64(b))
}

// inRange gives the members of a range, in its order.
func (s *state) inRange(r kv.Range) []kv.Member {
	prefix := appendPrefix(nil, r.Index)
	if r.Reverse {
		return s.descend(r, prefix)
	}
	return s.ascend(r, prefix)
}

func (s *state) ascend(r kv.Range, prefix []byte) []kv.Member {
	from := binary.BigEndian.AppendUint64(bytes.Clone(prefix), orderedScore(r.Min))
	var after []byte
	if r.After != nil {
		after = orderKey(nil, r.Index, orderedScore(r.After.Score), r.After.Name)
	}
	if bytes.Compare(after, from) > 0 {
		from = after
	}
	var found []kv.Member
	c := s.order.Cursor()
	for k, _ := c.Seek(from); bytes.HasPrefix(k, prefix) && len(found) < r.Limit; k, _ = c.Next() {
		if bytes.Equal(k, after) {
			continue
		}
		m := memberOf(k, prefix)
		if m.Score > r.Max {
			break
		}
		found = append(found, m)
	}
	return found
}

func (s *state) descend(r kv.Range, prefix []byte) []kv.Member {
	// the first key behind the score Max; scores are never NaN, so the sum does not overflow
	from := binary.BigEndian.AppendUint64(bytes.Clone(prefix), orderedScore(r.Max)+1)
	if r.After != nil {
		if below := orderKey(nil, r.Index, orderedScore(r.After.Score), r.After.Name); bytes.Compare(below, from) < 0 {
			from = below
		}
	}
	var found []kv.Member
	c := s.order.Cursor()
	k, _ := c.Seek(from)
	if k == nil {
		k, _ = c.Last()
	}
	for bytes.Compare(k, from) >= 0 && k != nil {
		k, _ = c.Prev()
	}
	for ; bytes.HasPrefix(k, prefix) && len(found) < r.Limit; k, _ = c.Prev() {
		m := memberOf(k, prefix)
		if m.Score < r.Min {
			break
		}
		found = append(found, m)
	}
	return found
}

func memberOf(key, prefix []byte) kv.Member {
	rest := key[len(prefix):]
	return kv.Member{Score: unorderedScore(binary.BigEndian.Uint64(rest)), Name: string(rest[8:])}
}
