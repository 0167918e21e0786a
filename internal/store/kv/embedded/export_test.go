package embedded

import "go.etcd.io/bbolt"

// Sizes counts the stored records, expired or not, and the entries of the expiry index.
func (s *Store) Sizes() (records, expiries int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return size(s.state.records), size(s.state.expiries)
}

func size(b *bbolt.Bucket) (n int) {
	c := b.Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		n++
	}
	return n
}

// Decode reads ops as a replay does, and writes them again.
func Decode(b []byte) (again []byte, err error) {
	err = decodeOps(b, func(o *op) error {
		again = o.encode(again)
		return nil
	})
	return again, err
}
