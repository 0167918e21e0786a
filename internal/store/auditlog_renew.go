package store

import (
	"context"
	"errors"

	"sipward/internal/store/kv"
)

// Renew signs the heads of all chains under the newest key, and returns how many it was; one that is not ours is left for
// Verify to name.
func (r *Audit) Renew(ctx context.Context) (count int, err error) {
	for _, tag := range r.tags() {
		err := r.c.retry(ctx, "audit", func(bool) error {
			rec, err := r.c.read(ctx, auditHead(tag))
			if err != nil || rec.Version == 0 {
				return err
			}
			h, err := readHead(tag, rec)
			if err != nil || !r.port.keys.Holds(h) || r.port.keys.Newest(h) {
				return nil
			}
			value, err := marshalHead(r.port.keys.Seal(h))
			if err != nil {
				return err
			}
			count++
			return r.c.commit(ctx, kv.Txn{Tag: tag, Checks: []kv.Check{{Key: auditHead(tag), Version: rec.Version}}, Puts: []kv.Put{{Key: auditHead(tag), Value: value}}})
		})
		if err != nil && !errors.Is(err, kv.ErrConflict) {
			return count, err
		}
	}
	return count, nil
}
