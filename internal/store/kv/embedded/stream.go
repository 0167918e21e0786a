package embedded

import (
	"bytes"
	"encoding/binary"

	"sipward/internal/store/kv"
)

// stream is what is known of a stream: [newest id 16][oldest kept id 16][number of entries 8].
type stream struct {
	newest, oldest kv.ID
	entries        uint64
}

func (s *state) stream(key []byte) stream {
	b := s.streams.Get(key)
	if len(b) != 40 {
		return stream{}
	}
	return stream{newest: kv.DecodeID(b), oldest: kv.DecodeID(b[16:]), entries: binary.BigEndian.Uint64(b[32:])}
}

func (st *stream) encode() []byte {
	b := st.oldest.Append(st.newest.Append(make([]byte, 0, 40)))
	return binary.BigEndian.AppendUint64(b, st.entries)
}

func (s *state) append(o *op) error {
	prefix := appendPrefix(nil, o.key)
	st := s.stream(prefix[2:])
	// bbolt copies keys, but keeps values until its commit
	if err := s.entries.Put(o.id.Append(bytes.Clone(prefix)), bytes.Clone(o.value)); err != nil {
		return err
	}
	if st.newest = o.id; st.entries == 0 {
		st.oldest = o.id
	}
	st.entries++
	if err := s.trim(&st, prefix, o.max); err != nil {
		return err
	}
	return s.streams.Put(prefix[2:], st.encode())
}

// trim drops the oldest entries once there are an eighth, at least 16, more than max: seldom, and some at a time.
func (s *state) trim(st *stream, prefix []byte, limit int) error {
	if limit <= 0 || st.entries < uint64(limit)+max(uint64(limit)/8, 16) {
		return nil
	}
	var old [][]byte
	c := s.entries.Cursor()
	k, _ := c.Seek(st.oldest.Append(bytes.Clone(prefix)))
	for ; bytes.HasPrefix(k, prefix) && st.entries-uint64(len(old)) > uint64(limit); k, _ = c.Next() {
		old = append(old, bytes.Clone(k))
	}
	if bytes.HasPrefix(k, prefix) {
		st.oldest = kv.DecodeID(k[len(prefix):])
	}
	for _, key := range old {
		if err := s.entries.Delete(key); err != nil {
			return err
		}
	}
	st.entries -= uint64(len(old))
	return nil
}

// behind gives up to limit entries of a stream behind a position; gap tells that the position is not one it still knows.
func (s *state) behind(k kv.Key, after kv.ID, limit int) (found []kv.Entry, gap bool) {
	prefix := appendPrefix(nil, k)
	st := s.stream(prefix[2:])
	if !after.IsZero() && (st.entries == 0 || after.Less(st.oldest) || st.newest.Less(after)) {
		return nil, true
	}
	if st.entries == 0 || after == st.newest {
		return nil, false
	}
	c := s.entries.Cursor()
	from := st.oldest
	if !after.IsZero() {
		from = after.Next(0)
	}
	for key, v := c.Seek(from.Append(bytes.Clone(prefix))); bytes.HasPrefix(key, prefix) && len(found) < limit; key, v = c.Next() {
		found = append(found, kv.Entry{ID: kv.DecodeID(key[len(prefix):]).String(), Value: bytes.Clone(v)})
	}
	return found, false
}
