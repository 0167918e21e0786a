package embedded

import (
	"encoding/binary"

	"sipward/internal/store/kv"
)

// A stored record is [version 8][expires 8][swept at 8][value]; times are Unix milliseconds, 0 is never. "Swept at" is
// the time of the record's one entry in the expiry index. It is never later than expires, and may be earlier: a refresh
// that only moves the end further away leaves the index alone, and the sweep moves the entry when its time comes.
const recordHeader = 24

// record is a decoded record; value is a part of the stored bytes.
type record struct {
	version uint64
	expires int64
	swept   int64
	value   []byte
}

func decodeRecord(b []byte) record {
	if len(b) < recordHeader {
		return record{}
	}
	return record{
		version: binary.BigEndian.Uint64(b),
		expires: int64(binary.BigEndian.Uint64(b[8:])),
		swept:   int64(binary.BigEndian.Uint64(b[16:])),
		value:   b[recordHeader:],
	}
}

func (r *record) encode() []byte {
	b := make([]byte, 0, recordHeader+len(r.value))
	b = binary.BigEndian.AppendUint64(b, r.version)
	b = binary.BigEndian.AppendUint64(b, uint64(r.expires))
	b = binary.BigEndian.AppendUint64(b, uint64(r.swept))
	return append(b, r.value...)
}

// alive tells whether a record is there at now (Unix milliseconds).
func (r *record) alive(now int64) bool {
	return r.version > 0 && (r.expires == 0 || r.expires > now)
}

// get reads a stored record, alive or not; its value belongs to bbolt. key is scratch space.
func (s *state) get(k kv.Key, key []byte) (record, []byte) {
	key = appendKey(key[:0], k)
	return decodeRecord(s.records.Get(key)), key
}

func (s *state) put(o *op) error {
	var old record
	old, s.scratch = s.get(o.key, s.scratch)
	r := record{version: o.version, expires: o.expires, swept: old.swept, value: o.value}
	if err := s.reindex(s.scratch, &r); err != nil {
		return err
	}
	b := r.encode()
	if err := s.records.Put(s.scratch, b); err != nil {
		return err
	}
	s.cache.put(o.key, record{version: r.version, expires: r.expires, value: b[recordHeader:]})
	return nil
}

// reindex brings the expiry index in line with r.expires, and sets r.swept.
func (s *state) reindex(key []byte, r *record) error {
	if r.expires != 0 && r.swept != 0 && r.swept <= r.expires {
		return nil
	}
	if r.swept != 0 {
		if err := s.expiries.Delete(expiryKey(r.swept, key)); err != nil {
			return err
		}
	}
	r.swept = r.expires
	if r.expires == 0 {
		return nil
	}
	return s.expiries.Put(expiryKey(r.expires, key), nil)
}

func (s *state) delete(k kv.Key) error {
	var old record
	old, s.scratch = s.get(k, s.scratch)
	if old.version == 0 {
		return nil
	}
	if old.swept != 0 {
		if err := s.expiries.Delete(expiryKey(old.swept, s.scratch)); err != nil {
			return err
		}
	}
	s.cache.drop(k)
	return s.records.Delete(s.scratch)
}

func expiryKey(at int64, key []byte) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(key)), uint64(at)), key...)
}

// due tells whether the sweep at now (Unix milliseconds) has something to do.
func (s *state) due(now int64) bool {
	k, _ := s.expiries.Cursor().First()
	return len(k) > 8 && int64(binary.BigEndian.Uint64(k)) <= now
}

// sweep looks at up to limit entries of the expiry index that are due: a record past its end is deleted, one that was
// refreshed gets its entry moved. It returns how many it looked at.
func (s *state) sweep(now int64, limit int) (int, error) {
	var due [][]byte
	c := s.expiries.Cursor()
	for k, _ := c.First(); len(k) > 8 && len(due) < limit && int64(binary.BigEndian.Uint64(k)) <= now; k, _ = c.Next() {
		due = append(due, append([]byte(nil), k...))
	}
	for _, entry := range due {
		if err := s.sweepOne(entry, now); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}

func (s *state) sweepOne(entry []byte, now int64) error {
	if err := s.expiries.Delete(entry); err != nil {
		return err
	}
	key := entry[8:]
	r := decodeRecord(s.records.Get(key))
	if r.version == 0 || r.swept != int64(binary.BigEndian.Uint64(entry)) {
		return nil
	}
	if !r.alive(now) {
		s.cache.drop(physical(key))
		return s.records.Delete(key)
	}
	if r.swept = r.expires; r.expires == 0 {
		return s.records.Put(key, r.encode())
	}
	if err := s.records.Put(key, r.encode()); err != nil {
		return err
	}
	return s.expiries.Put(expiryKey(r.expires, key), nil)
}
