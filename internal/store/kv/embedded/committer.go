package embedded

import (
	"context"
	"errors"
	"time"

	"sipward/internal/store/kv"
)

// Limits of one batch.
const (
	maxBatch      = 512     // transactions
	maxBatchBytes = 4 << 20 // of ops, before the batch is closed
)

// pending is a transaction on its way through the committer.
type pending struct {
	txn    kv.Txn
	result kv.Result
	err    error
	done   chan struct{} // closed when result and err are final
}

// committer is what the one goroutine that writes owns.
type committer struct {
	batch    []*pending
	ops      []op              // of the batch
	frame    []byte            // the batch as it goes to the log
	versions map[kv.Key]uint64 // of records the batch has written so far; 0: deleted
	newest   map[kv.Key]kv.ID  // of streams the batch has appended to so far
	key      []byte            // scratch
	oldest   time.Time         // when the first frame was written that the file does not have
	failing  error             // of the last checkpoint
}

// Commit hands the transaction to the committer and waits for its fate.
func (s *Store) Commit(ctx context.Context, t kv.Txn) (kv.Result, error) {
	if err := t.Valid(); err != nil {
		return kv.Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return kv.Result{}, err
	}
	p := &pending{txn: t, done: make(chan struct{})}
	limit := time.NewTimer(s.config.Timeout)
	defer limit.Stop()
	select {
	case s.queue <- p:
	case <-limit.C:
		return kv.Result{}, refused(errors.New("too many transactions wait for the disk"))
	case <-ctx.Done():
		return kv.Result{}, ctx.Err()
	case <-s.closing:
		return kv.Result{}, errClosed()
	}
	select {
	case <-p.done:
		return p.result, p.err
	case <-limit.C:
		return kv.Result{}, unavailable(errors.New("the disk did not finish the write in time"))
	case <-ctx.Done():
		return kv.Result{}, unavailable(ctx.Err())
	}
}

// commitLoop is the committer goroutine.
func (s *Store) commitLoop() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case p := <-s.queue:
			s.commitBatch(s.gather(p))
			if s.wal.size >= checkpointBytes && s.committer.failing == nil {
				s.tryCheckpoint()
			}
		case <-tick.C:
			s.housekeep(time.Now())
		case <-s.closing:
			s.refuseWaiting()
			return
		}
	}
}

// gather takes what waits beside p, without waiting for more: while one batch is written the next one gathers.
func (s *Store) gather(p *pending) []*pending {
	batch := append(s.committer.batch[:0], p)
	bytes := p.size()
	for len(batch) < maxBatch && bytes < maxBatchBytes {
		select {
		case p := <-s.queue:
			batch = append(batch, p)
			bytes += p.size()
			continue
		default:
		}
		break
	}
	s.committer.batch = batch
	return batch
}

func (p *pending) size() int {
	n := 0
	for i := range p.txn.Puts {
		n += len(p.txn.Puts[i].Value)
	}
	for i := range p.txn.Appends {
		n += len(p.txn.Appends[i].Value)
	}
	return n
}

// commitBatch decides every transaction of the batch, writes the log once, applies, and only then lets the callers go.
func (s *Store) commitBatch(batch []*pending) {
	c := &s.committer
	c.ops = c.ops[:0]
	clear(c.versions)
	clear(c.newest)
	now := time.Now().UnixMilli()
	ready := s.ready()
	for _, p := range batch {
		if p.err = unavailable(errNoState); ready {
			p.err = s.decide(p, now)
		}
	}
	if len(c.ops) > 0 {
		if err := s.write(c.ops); err != nil {
			failAll(batch, err)
		}
	}
	for i, p := range batch {
		close(p.done)
		batch[i] = nil
	}
	clear(c.ops)
}

// failAll gives err to all that were to be written; a conflict stays one.
func failAll(batch []*pending, err error) {
	for _, p := range batch {
		if p.err == nil {
			p.result, p.err = kv.Result{}, err
		}
	}
}

// write makes ops durable, then visible.
func (s *Store) write(ops []op) error {
	c := &s.committer
	if s.wal.size > maxLog {
		return refused(describe(c.failing, s.config.Dir))
	}
	c.frame = s.wal.begin(c.frame)
	for i := range ops {
		c.frame = ops[i].encode(c.frame)
	}
	first := s.wal.size == 0
	if err := s.wal.append(c.frame, s.config.Fsync == Always); err != nil {
		return s.writeFailed(err)
	}
	if first {
		c.oldest = time.Now()
	}
	s.syncer.dirty.Store(true)
	s.applyAll(ops)
	return nil
}

// applyAll makes ops visible. A failure would mean that memory and log differ: then the log is the truth, and replayed.
func (s *Store) applyAll(ops []op) {
	s.mu.Lock()
	var err error
	for i := range ops {
		err = errors.Join(err, s.state.apply(&ops[i]))
	}
	s.mu.Unlock()
	if err != nil {
		s.config.Log.Error("store: a change could not be applied; starting over from the log", "err", err)
		s.restart()
	}
	for i := range ops {
		if ops[i].kind == opAppend {
			s.waiters.wake(ops[i].key)
		}
	}
}

// writeFailed says what a failed write of the log means for those who wait.
func (s *Store) writeFailed(err error) error {
	s.config.Log.Error("store: cannot write the log", "err", describe(err, s.config.Dir))
	if errors.Is(err, errUnknown) {
		return unavailable(describe(err, s.config.Dir))
	}
	return refused(describe(err, s.config.Dir))
}

// refuseWaiting ends what still waits when the store closes.
func (s *Store) refuseWaiting() {
	for {
		select {
		case p := <-s.queue:
			p.err = errClosed()
			close(p.done)
		default:
			return
		}
	}
}
