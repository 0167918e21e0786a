package redis

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"

	"sipward/internal/store/kv"
)

const (
	maxBlock  = time.Second            // of one XREAD: it does not notice that its context ended
	pollEvery = 100 * time.Millisecond // on a cluster
	recheck   = time.Second            // how long a position that was good is believed to be: FLUSHALL wakes nobody
)

// positions remembers which positions were good lately, so that not every call has to ask.
type positions struct {
	mu       sync.Mutex
	byStream map[kv.Key]position
}

type position struct {
	id string
	at time.Time
}

// maxPositions bounds the memory; streams are few, so it is never reached by ours.
const maxPositions = 10_000

func (p *positions) good(k kv.Key, id string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.byStream) >= maxPositions {
		clear(p.byStream)
	}
	p.byStream[k] = position{id, now}
}

// doubtful gives the tails whose position must be looked at again.
func (p *positions) doubtful(tails []kv.Tail, now time.Time) []kv.Tail {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ask []kv.Tail
	for _, t := range tails {
		known := p.byStream[t.Stream]
		if t.After != "" && (known.id != t.After || now.Sub(known.at) >= recheck) {
			ask = append(ask, t)
		}
	}
	return ask
}

// Tails waits in XREAD, or polls a cluster.
func (s *Store) Tails(ctx context.Context, wait time.Duration, limit int, tails ...kv.Tail) ([][]kv.Entry, error) {
	if limit <= 0 {
		limit = kv.DefaultLimit
	}
	from := make([]kv.ID, len(tails))
	for i := range tails {
		var err error
		if from[i], err = kv.ParseID(tails[i].After); err != nil {
			return nil, err
		}
	}
	over := time.Now().Add(wait)
	for {
		found, some, err := s.look(ctx, min(maxBlock, time.Until(over)), limit, tails, from)
		if err != nil || some || time.Until(over) <= 0 || ctx.Err() != nil {
			return found, err
		}
		if s.canBlock() && len(tails) > 0 {
			continue
		}
		if err := s.pause(ctx, min(pollEvery, time.Until(over))); err != nil {
			return found, err
		}
	}
}

// pause waits on a cluster until the next look. That ctx ended is no error: there are no entries.
func (s *Store) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-s.calls.life.Done():
		return fmt.Errorf("%w: it is being closed", kv.ErrUnavailable)
	}
	return nil
}

// look asks once, and waits up to block where Redis can do that.
func (s *Store) look(ctx context.Context, block time.Duration, limit int, tails []kv.Tail, from []kv.ID) ([][]kv.Entry, bool, error) {
	if err := s.verify(ctx, s.known.doubtful(tails, time.Now())); err != nil {
		return nil, false, err
	}
	var found [][]kv.Entry
	var err error
	if s.canBlock() && block >= time.Millisecond && len(tails) > 0 {
		found, err = s.xread(ctx, block, limit, tails)
	} else {
		found, err = s.poll(ctx, limit, tails, from)
	}
	if err != nil {
		return nil, false, err
	}
	var grown []kv.Tail
	for i := range tails {
		if len(found[i]) > 0 {
			grown = append(grown, tails[i])
		}
	}
	// A position was trimmed away if the oldest entry is behind it now: then what was read has a hole.
	if err := s.verify(ctx, grown); err != nil {
		return nil, false, err
	}
	s.remember(tails, found)
	return found, len(grown) > 0, nil
}

func (s *Store) remember(tails []kv.Tail, found [][]kv.Entry) {
	now := time.Now()
	for i := range tails {
		if n := len(found[i]); n > 0 {
			s.known.good(tails[i].Stream, found[i][n-1].ID, now)
		}
	}
}

// verify asks whether each position still lies between the oldest and the newest entry of its stream.
func (s *Store) verify(ctx context.Context, tails []kv.Tail) error {
	q := &call{cmds: make([]redis.Cmder, 0, 2*len(tails))}
	for _, t := range tails {
		q.cmds = append(q.cmds, s.oldest(t.Stream), s.newest(t.Stream))
	}
	if err := s.ask(ctx, q); err != nil {
		return err
	}
	now := time.Now()
	for i, t := range tails {
		oldest, newest := firstID(q.cmds[2*i]), firstID(q.cmds[2*i+1])
		if t.After != "" && (oldest == "" || kv.Less(t.After, oldest) || kv.Less(newest, t.After)) {
			return fmt.Errorf("%w: %s behind %s", kv.ErrGap, t.Stream, t.After)
		}
		s.known.good(t.Stream, t.After, now)
	}
	return nil
}

// canBlock is false on a cluster, and while the breaker is not closed: a block must not be the one call that finds out
// whether Redis is back, for it takes a second.
func (s *Store) canBlock() bool {
	return s.blocking != nil && s.breaker.State() == gobreaker.StateClosed
}

// xread blocks until one of the streams grows.
func (s *Store) xread(ctx context.Context, block time.Duration, limit int, tails []kv.Tail) ([][]kv.Entry, error) {
	found := make([][]kv.Entry, len(tails))
	names := make([]string, 2*len(tails))
	for i, t := range tails {
		names[i], names[len(tails)+i] = s.physical(t.Stream), t.After
		if t.After == "" {
			names[len(tails)+i] = "0-0"
		}
	}
	// not ctx: its end would not break the block off, only lose the answer
	limited, cancel := context.WithTimeout(s.calls.life, block+s.calls.timeout)
	defer cancel()
	streams, err := s.blocking.XRead(limited, &redis.XReadArgs{Streams: names, Count: int64(limit), Block: block}).Result()
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	for _, st := range streams {
		for i := range tails {
			if names[i] == st.Stream {
				found[i] = entries(st.Messages)
			}
		}
	}
	return found, s.alarms.wrap(err)
}

// poll reads every stream at once, without waiting.
func (s *Store) poll(ctx context.Context, limit int, tails []kv.Tail, from []kv.ID) ([][]kv.Entry, error) {
	q := &call{cmds: make([]redis.Cmder, len(tails))}
	for i, t := range tails {
		start := "-"
		if !from[i].IsZero() {
			start = from[i].Next(0).String()
		}
		q.cmds[i] = redis.NewXMessageSliceCmd(s.calls.life, "xrange", s.physical(t.Stream), start, "+", "count", limit)
	}
	if err := s.ask(ctx, q); err != nil {
		return nil, err
	}
	found := make([][]kv.Entry, len(tails))
	for i, cmd := range q.cmds {
		found[i] = entries(cmd.(*redis.XMessageSliceCmd).Val())
	}
	return found, nil
}

func entries(messages []redis.XMessage) []kv.Entry {
	if len(messages) == 0 {
		return nil
	}
	found := make([]kv.Entry, len(messages))
	for i, m := range messages {
		value, _ := m.Values["v"].(string)
		found[i] = kv.Entry{ID: m.ID, Value: []byte(value)}
	}
	return found
}
