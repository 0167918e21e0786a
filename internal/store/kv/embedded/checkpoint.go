package embedded

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	berrors "go.etcd.io/bbolt/errors"
)

// When the log goes into the file.
const (
	checkpointBytes = 4 << 20          // of log; it holds writers up for some 30 ms
	checkpointAge   = 10 * time.Second // of the oldest frame
	maxLog          = 64 << 20         // of log, when checkpoints fail: then writes are refused
)

// Sweeping: at most this many records in one op, and ops in one second, so that a mass of expired records does not hold
// up the living.
const (
	sweepRecords = 256
	sweepOps     = 16
)

// housekeep runs in the committer each second.
func (s *Store) housekeep(now time.Time) {
	if !s.ready() {
		return
	}
	for range sweepOps {
		if !s.ready() || !s.state.due(now.UnixMilli()) {
			break
		}
		if s.write([]op{{kind: opSweep, expires: now.UnixMilli(), max: sweepRecords}}) != nil {
			break
		}
	}
	old := s.wal.size > 0 && now.Sub(s.committer.oldest) >= checkpointAge
	if old || s.committer.failing != nil || s.wal.size >= checkpointBytes || s.syncer.failed.Load() {
		s.tryCheckpoint()
	}
}

// tryCheckpoint keeps the store running on the log when the file cannot be written; housekeep tries again.
func (s *Store) tryCheckpoint() {
	err := s.checkpoint()
	if err != nil && s.committer.failing == nil {
		s.config.Log.Error("store: checkpoint failed, going on with the log", "err", describe(err, s.config.Dir))
	}
	if err == nil && s.committer.failing != nil {
		s.config.Log.Info("store: checkpoints work again")
	}
	s.committer.failing = err
}

// checkpoint commits what the log holds to the file, and empties the log. After a failure the state is built anew from
// the file and the log.
func (s *Store) checkpoint() error {
	if !s.ready() {
		return errNoState
	}
	if err := s.commitState(); err != nil {
		return err
	}
	s.syncer.failed.Store(false)
	return s.wal.reset()
}

func (s *Store) commitState() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.state.commit(s.wal.seq)
	if err == nil {
		err = s.state.begin(s.db)
	}
	if err != nil {
		return errors.Join(err, s.reloadLocked())
	}
	return nil
}

// abandonLocked ends a bbolt transaction that may be open, so that the next one can begin. Until then there is no state:
// reads and commits end with kv.ErrUnavailable.
func (s *Store) abandonLocked() {
	if s.state.tx == nil {
		return
	}
	if err := s.state.tx.Rollback(); err != nil && !isClosed(err) {
		s.config.Log.Error("store: cannot roll back", "err", err)
	}
	s.state.tx = nil
}

// restart builds the state anew from the file and the log.
func (s *Store) restart() {
	if err := s.reload(); err != nil {
		s.config.Log.Error("store: cannot read the log back, trying again", "err", err)
	}
}

var errNoState = errors.New("the file or the log cannot be read")

// ready tells whether there is a state, and tries to get it back when there is none. Only the committer asks.
func (s *Store) ready() bool {
	if s.state.tx == nil {
		s.restart()
	}
	return s.state.tx != nil
}

func isClosed(err error) bool {
	return errors.Is(err, berrors.ErrTxClosed) || errors.Is(err, berrors.ErrDatabaseNotOpen)
}

// syncer is the fsync of Fsync "interval", beside the committer, so that a slow disk holds up nobody.
type syncer struct {
	dirty  atomic.Bool // the log has frames that were not synced
	failed atomic.Bool // an fsync failed: only a checkpoint makes the log's content safe again
}

func (s *Store) syncLoop() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := s.syncNow(); err != nil {
				s.config.Log.Error("store: cannot sync the log", "err", err)
			}
		case <-s.closing:
			return
		}
	}
}

// syncNow brings the log to the disk.
func (s *Store) syncNow() error {
	if !s.syncer.dirty.Swap(false) && !s.syncer.failed.Load() {
		return nil
	}
	if err := s.wal.file.Sync(); err != nil {
		// The kernel may have dropped the pages; syncing them again would report success for nothing.
		s.syncer.failed.Store(true)
		return unavailable(fmt.Errorf("fsync: %w", describe(err, s.config.Dir)))
	}
	if s.syncer.failed.Load() {
		return unavailable(errors.New("an earlier fsync failed, the next checkpoint mends it"))
	}
	return nil
}
