package embedded

import (
	"context"
	"time"

	"sipward/internal/store/kv"
)

// Read answers hot records from memory.
func (s *Store) Read(ctx context.Context, keys ...kv.Key) ([]kv.Record, error) {
	if err := s.readable(ctx); err != nil {
		return nil, err
	}
	now := time.Now().UnixMilli()
	records := make([]kv.Record, len(keys))
	for i, k := range keys {
		r, ok := s.cache.get(k)
		if !ok {
			var err error
			if r, err = s.load(k); err != nil {
				return nil, err
			}
		}
		if r.alive(now) {
			records[i] = kv.Record{Value: r.value, Version: r.version}
		}
	}
	return records, nil
}

// load reads a record from bbolt and keeps it in the cache. The lock is held until it is there, so that what the
// committer writes meanwhile comes after it.
func (s *Store) load(k kv.Key) (record, error) {
	var space [128]byte
	if err := s.rlock(); err != nil {
		return record{}, err
	}
	defer s.mu.RUnlock()
	r, _ := s.state.get(k, space[:0])
	if r.version == 0 {
		return record{}, nil
	}
	r.value = append(make([]byte, 0, len(r.value)), r.value...)
	s.cache.put(k, r)
	return r, nil
}

// rlock takes the state for reading, if there still is one.
func (s *Store) rlock() error {
	s.mu.RLock()
	if s.state.tx == nil {
		s.mu.RUnlock()
		return unavailable(errNoState)
	}
	return nil
}

func (s *Store) readable(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.isClosing() {
		return errClosed()
	}
	return nil
}

// Ranges walks the indexes.
func (s *Store) Ranges(ctx context.Context, ranges ...kv.Range) ([][]kv.Member, error) {
	if err := s.readable(ctx); err != nil {
		return nil, err
	}
	found := make([][]kv.Member, len(ranges))
	if err := s.rlock(); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	for i, r := range ranges {
		if err := r.Valid(); err != nil {
			return nil, err
		}
		found[i] = s.state.inRange(r)
	}
	return found, nil
}

// Count reads the counters of the indexes.
func (s *Store) Count(ctx context.Context, indexes ...kv.Key) ([]int, error) {
	if err := s.readable(ctx); err != nil {
		return nil, err
	}
	sizes := make([]int, len(indexes))
	if err := s.rlock(); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	for i, k := range indexes {
		sizes[i] = s.state.size(appendKey(nil, k))
	}
	return sizes, nil
}

// Heads reads the newest ids of the streams.
func (s *Store) Heads(ctx context.Context, streams ...kv.Key) ([]string, error) {
	if err := s.readable(ctx); err != nil {
		return nil, err
	}
	ids := make([]string, len(streams))
	if err := s.rlock(); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	for i, k := range streams {
		ids[i] = s.state.stream(appendKey(nil, k)).newest.String()
	}
	return ids, nil
}
