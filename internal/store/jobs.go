package store

import (
	"context"
	"fmt"
	"time"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// jobLife is how long a job is remembered after its last word.
const jobLife = 7 * 24 * time.Hour

// Jobs is the repository of long tasks. Each has one writer, the node that runs it.
//
//	{org}job:<id>   record   job; expires a week after its last change
type Jobs struct {
	c     *core
	codec codec[account.Job]
}

func newJobs(c *core) *Jobs {
	return &Jobs{c: c, codec: newCodec(func(j *account.Job) string { return j.ID })}
}

func (r *Jobs) key(id string) kv.Key { return r.c.keys.orgKey("job:" + id) }

// Put writes a job and tells the change stream.
func (r *Jobs) Put(ctx context.Context, j account.Job) error {
	if !plain(j.ID) {
		return fmt.Errorf("job id %q: use letters and digits", j.ID)
	}
	value, err := r.codec.encode(&j, nil)
	if err != nil {
		return err
	}
	return r.c.commit(ctx, kv.Txn{
		Tag:     orgTag,
		Puts:    []kv.Put{{Key: r.key(j.ID), Value: value, Expires: r.c.now().Add(jobLife)}},
		Appends: []kv.Append{r.c.orgChange(account.TopicOrg, "job/"+j.ID, uint64(j.Done)+1, false)},
	})
}

// ByID reads one job, account.ErrNotFound.
func (r *Jobs) ByID(ctx context.Context, id string) (account.Job, error) {
	if !plain(id) {
		return account.Job{}, fmt.Errorf("job %q: %w", id, account.ErrNotFound)
	}
	rec, err := r.c.read(ctx, r.key(id))
	if err != nil {
		return account.Job{}, err
	}
	if rec.Version == 0 {
		return account.Job{}, fmt.Errorf("job %s: %w", id, account.ErrNotFound)
	}
	j, err := r.codec.decode(id, rec.Value)
	if err != nil {
		r.c.alarm(ctx, "misfit", r.key(id), err)
	}
	return j, err
}
