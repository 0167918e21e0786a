package store

import (
	"bytes"
	"context"
	"errors"
	"time"

	"sipward/internal/seal"
	"sipward/internal/store/kv"
)

const (
	// replayLife is how long the answer to a named request is kept.
	replayLife = 24 * time.Hour
	// flightLife frees a key whose node died while it answered.
	flightLife = 2 * time.Minute
)

// What Begin says of a key that is in use. The consumer has words of its own for them.
var (
	ErrInFlight     = errors.New("store: a request with this key is being answered")
	ErrOtherRequest = errors.New("store: the key belongs to another request")
)

// Replays is the repository of answers to requests that have a name.
//
//	{idem}req:<key>   record   hash of the request, and the sealed answer; expires
type Replays struct {
	c     *core
	codec codec[replay]
}

type replay struct {
	ID      string    `json:"id"`
	Request []byte    `json:"request"`
	Answer  seal.Box  `json:"answer,omitempty"` // empty: under way
	Until   time.Time `json:"until"`
}

func newReplays(c *core) *Replays {
	return &Replays{c: c, codec: newCodec(func(r *replay) string { return r.ID })}
}

func (r *Replays) key(id string) kv.Key { return kv.Key{Tag: "idem", Name: "req:" + id} }

// Begin claims a key for the request with that hash: nil and no error when it is the caller's now; the answer when there
// is one; ErrInFlight, ErrOtherRequest.
func (r *Replays) Begin(ctx context.Context, id string, request []byte) (answer seal.Box, err error) {
	err = r.c.retry(ctx, "replay", func(bool) error {
		rec, err := r.c.read(ctx, r.key(id))
		if err != nil {
			return err
		}
		if rec.Version != 0 {
			old, err := r.codec.decode(id, rec.Value)
			if err != nil {
				return err
			}
			if r.c.now().Before(old.Until) {
				switch {
				case !bytes.Equal(old.Request, request):
					return ErrOtherRequest
				case len(old.Answer) == 0:
					return ErrInFlight
				}
				answer = old.Answer
				return nil
			}
		}
		return r.put(ctx, replay{ID: id, Request: request, Until: r.c.now().Add(flightLife)}, rec)
	})
	return answer, err
}

func (r *Replays) put(ctx context.Context, v replay, rec kv.Record) error {
	value, err := r.codec.encode(&v, nil)
	if err != nil {
		return err
	}
	key := r.key(v.ID)
	return r.c.commit(ctx, kv.Txn{Tag: key.Tag, Checks: []kv.Check{{Key: key, Version: rec.Version}}, Puts: []kv.Put{{Key: key, Value: value, Expires: v.Until}}})
}

// Finish keeps the answer for a day; nil frees the key.
func (r *Replays) Finish(ctx context.Context, id string, answer seal.Box) error {
	rec, err := r.c.read(ctx, r.key(id))
	if err != nil || rec.Version == 0 {
		return err
	}
	if answer == nil {
		return r.c.commit(ctx, kv.Txn{Tag: r.key(id).Tag, Checks: []kv.Check{{Key: r.key(id), Version: rec.Version}}, Deletes: []kv.Key{r.key(id)}})
	}
	v, err := r.codec.decode(id, rec.Value)
	if err != nil {
		return err
	}
	v.Answer, v.Until = answer, r.c.now().Add(replayLife)
	return r.put(ctx, v, rec)
}
