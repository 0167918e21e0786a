package embedded

import (
	"encoding/binary"

	"go.etcd.io/bbolt"

	"sipward/internal/store/kv"
)

// state is the open bbolt transaction and its buckets. The committer changes it under Store.mu, and may read it without;
// everybody else reads under Store.mu. Nothing returned by a bucket is used after the lock is gone.
//
//	records   "{tag}name"              → version, expires, swept at, value
//	expiries  sweep time, record key   → nothing
//	members   index, member            → score
//	order     index, score, member     → nothing
//	counts    index                    → number of members
//	entries   stream, id               → value
//	streams   stream                   → newest id, oldest kept id, number of entries
//	meta      "applied"                → sequence of the newest log frame in this file
type state struct {
	tx       *bbolt.Tx
	records  *bbolt.Bucket
	expiries *bbolt.Bucket
	members  *bbolt.Bucket
	order    *bbolt.Bucket
	counts   *bbolt.Bucket
	entries  *bbolt.Bucket
	streams  *bbolt.Bucket
	meta     *bbolt.Bucket

	cache   *cache // written through
	scratch []byte // of the committer, for keys; bbolt copies keys
}

func (s *state) begin(db *bbolt.DB) error {
	tx, err := db.Begin(true)
	if err != nil {
		return err
	}
	s.tx = tx
	for name, b := range map[string]**bbolt.Bucket{
		"records": &s.records, "expiries": &s.expiries, "members": &s.members, "order": &s.order,
		"counts": &s.counts, "entries": &s.entries, "streams": &s.streams, "meta": &s.meta,
	} {
		if *b, err = tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	return nil
}

// appliedKey is where the file knows which log frames it holds.
const appliedKey = "applied"

func (s *state) applied() uint64 {
	b := s.meta.Get([]byte(appliedKey))
	if len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

// commit makes everything up to log frame seq durable in the file. On failure bbolt has rolled the transaction back.
func (s *state) commit(seq uint64) error {
	if err := s.meta.Put([]byte(appliedKey), binary.BigEndian.AppendUint64(nil, seq)); err != nil {
		return err
	}
	return s.tx.Commit()
}

// apply carries out one op. It cannot fail for what an op says, only for a state that makes no sense.
func (s *state) apply(o *op) error {
	switch o.kind {
	case opPut:
		return s.put(o)
	case opDelete:
		return s.delete(o.key)
	case opAdd:
		return s.add(o)
	case opRemove:
		return s.remove(o)
	case opAppend:
		return s.append(o)
	case opSweep:
		_, err := s.sweep(o.expires, o.max)
		return err
	default:
		return errOp
	}
}

// appendKey appends the physical key "{tag}name".
func appendKey(b []byte, k kv.Key) []byte {
	b = append(append(append(b, '{'), k.Tag...), '}')
	return append(b, k.Name...)
}

// appendPrefix appends a physical key behind its length, so that the keys of one index or stream are together and no
// name is the beginning of another.
func appendPrefix(b []byte, k kv.Key) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(k.Tag)+len(k.Name)+2))
	return appendKey(b, k)
}

// physical reads the key that appendKey wrote: a tag has no brace, so the first one ends it.
func physical(b []byte) kv.Key {
	for i := 1; i < len(b); i++ {
		if b[i] == '}' {
			return kv.Key{Tag: string(b[1:i]), Name: string(b[i+1:])}
		}
	}
	return kv.Key{}
}
