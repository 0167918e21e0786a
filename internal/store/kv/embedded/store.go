package embedded

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"sipward/internal/store/kv"
)

// Store is the embedded store.
type Store struct {
	// static after Open
	config  Config
	db      *bbolt.DB
	cache   *cache
	wal     *wal // its fields belong to the committer
	queue   chan *pending
	closing chan struct{} // closed by Close
	done    sync.WaitGroup
	waiters waiters
	close   func() error // once

	// changed by the committer under mu
	mu    sync.RWMutex
	state state

	committer committer // owned by the committer goroutine
	syncer    syncer
}

var _ kv.Store = (*Store)(nil)

// maxWaiting is how many transactions may wait for the committer; more than the largest batch, so that the next batch
// gathers while one is written.
const maxWaiting = 4096

func newStore(c Config, db *bbolt.DB) *Store {
	s := &Store{
		config:  c,
		db:      db,
		cache:   newCache(c.CacheBytes),
		queue:   make(chan *pending, maxWaiting),
		closing: make(chan struct{}),
	}
	s.state.cache = s.cache
	s.committer.versions = map[kv.Key]uint64{}
	s.committer.newest = map[kv.Key]kv.ID{}
	s.close = sync.OnceValue(s.shutdown)
	return s
}

func (s *Store) start() {
	s.done.Go(s.commitLoop)
	if s.config.Fsync == Interval {
		s.done.Go(s.syncLoop)
	}
}

// Close ends the goroutines, writes the last checkpoint and lets the directory go. Transactions that still wait end with
// kv.ErrUnavailable.
func (s *Store) Close() error { return s.close() }

func (s *Store) shutdown() error {
	close(s.closing)
	s.done.Wait()
	err := s.checkpoint()
	return errors.Join(err, s.release())
}

// release closes the files; what the bbolt transaction holds is in the log.
func (s *Store) release() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	s.abandonLocked()
	if s.wal != nil {
		errs = append(errs, s.wal.file.Sync(), s.wal.file.Close())
	}
	return errors.Join(append(errs, s.db.Close())...)
}

// Durable makes what was acknowledged so far survive a power cut: with Fsync "always" it already does. There are no
// replicas to wait for.
func (s *Store) Durable(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.config.Fsync == Always {
		return nil
	}
	return s.syncNow()
}

// Ping tells whether the store takes writes.
func (s *Store) Ping(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.isClosing() {
		return errClosed()
	}
	return nil
}

func (s *Store) isClosing() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

func errClosed() error { return unavailable(errors.New("it is being closed")) }

// describe adds the mend to an error of the file system.
func describe(err error, dir string) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: free space in %s, writes resume by themselves", err, dir)
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return fmt.Errorf("%w: make %s writable for sipward", err, dir)
	case errors.Is(err, syscall.EIO):
		return fmt.Errorf("%w: the disk under %s fails, replace it", err, dir)
	default:
		return fmt.Errorf("%w (in %s)", err, dir)
	}
}

func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	// a time before 1970 is as past as any: 0 would mean never
	return max(t.UnixMilli(), 1)
}
