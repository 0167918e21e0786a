package provisioning

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/errgroup"

	"sipward/internal/account"
	"sipward/internal/web"
)

const (
	maxJobs      = 2                      // imports at the same time on one node
	batchWorkers = 16                     // rows at the same time: the rest of the node keeps its latency
	tellEvery    = 500 * time.Millisecond // progress
	jobPatience  = 30 * time.Second       // how long a row waits for a store that does not answer
)

// imports are the jobs under way on this node.
type imports struct {
	slots chan struct{}
	stop  chan struct{} // closed when the node stops
	once  sync.Once
	wg    sync.WaitGroup
}

func newImports() *imports {
	return &imports{slots: make(chan struct{}, maxJobs), stop: make(chan struct{})}
}

// wait ends the jobs under way; their rows are recognised when the file is sent again.
func (i *imports) wait() {
	i.once.Do(func() { close(i.stop) })
	i.wg.Wait()
}

// jobView is a job as the API shows it.
type jobView struct {
	ID       string             `json:"id"`
	Kind     string             `json:"kind"`
	State    string             `json:"state"`
	By       string             `json:"created_by"`
	Total    int                `json:"total"`
	Done     int                `json:"done"`
	Created  int                `json:"created"`
	Existing int                `json:"existing"`
	Reason   string             `json:"reason"`
	Faults   []account.RowFault `json:"faults"`
	Begun    time.Time          `json:"begun_at"`
	Ended    *time.Time         `json:"ended_at"`
}

func viewJob(j account.Job) jobView {
	if j.Faults == nil {
		j.Faults = []account.RowFault{}
	}
	return jobView{ID: j.ID, Kind: j.Kind, State: j.State, By: j.By, Total: j.Total, Done: j.Done, Created: j.Created, Existing: j.Existing,
		Reason: j.Reason, Faults: j.Faults, Begun: j.Begun.UTC(), Ended: orNever(j.Ended)}
}

// importing is one job; mu guards what its workers share.
type importing struct {
	api *API
	batch
	todo bits

	mu   sync.Mutex
	job  account.Job
	made bits // rows whose account this job made, or may have made
	told time.Time
}

// beginImport answers 202 with the job, which goes on behind the request and takes the file with it.
func (a *API) beginImport(c *gin.Context, b *batch, found checked) error {
	select {
	case a.imports.slots <- struct{}{}:
	default:
		return web.Unavailable("other imports are under way on this node: repeat when they are done", nil)
	}
	now := a.Now().UTC()
	i := &importing{api: a, batch: *b, todo: found.todo, told: now, job: account.Job{
		ID: strings.ToLower(rand.Text()), Kind: "import", State: account.JobRunning, By: web.Who(c).Label(),
		Total: found.fresh + found.existing, Done: found.existing, Existing: found.existing, Faults: found.faults.list, Begun: now,
	}}
	if err := a.Jobs.Put(c.Request.Context(), i.job); err != nil {
		<-a.imports.slots
		return err
	}
	b.file = nil // the job's from here on
	view := viewJob(i.job)
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.Request.Context()))
	a.imports.wg.Go(func() {
		defer func() { cancel(); <-a.imports.slots }()
		i.run(ctx)
	})
	a.imports.wg.Go(func() {
		select {
		case <-a.imports.stop:
			cancel()
		case <-ctx.Done():
		}
	})
	c.Header("Location", "/api/v1/jobs/"+view.ID)
	c.JSON(http.StatusAccepted, view)
	return nil
}

func (i *importing) run(ctx context.Context) {
	defer func() { _ = i.file.Close() }() // it was only read
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(batchWorkers)
	_, err := i.each(&batchFaults{}, nil, func(r row) error {
		if i.todo.has(r.n) {
			g.Go(func() error { return i.make(ctx, r) }) // to its end: a write that is broken off may have been done, and nobody would undo it
		}
		return gctx.Err()
	})
	if waited := g.Wait(); waited != nil {
		err = waited // the reason; each has only seen that there is one
	}
	last := context.WithoutCancel(ctx) // what was begun is told and undone even when the node stops
	i.mu.Lock()
	defer i.mu.Unlock()
	i.job.State, i.job.Ended = account.JobDone, i.api.Now().UTC()
	if err = errors.Join(err, ctx.Err()); err != nil {
		i.job.State, i.job.Reason = account.JobFailed, reason(err)
		if ctx.Err() == nil {
			i.undo(last)
		}
	}
	if err := i.api.Jobs.Put(last, i.job); err != nil {
		i.api.Log.WarnContext(last, "the end of an import is not noted", "job", i.job.ID, "err", err)
	}
}

func reason(err error) string {
	var taken *account.TakenError
	switch {
	case errors.As(err, &taken):
		return "nothing was made, for " + taken.Error() + " since the file was checked: mend the row and send the file again"
	case errors.Is(err, context.Canceled):
		return "the server was stopped: send the file again, rows that were made are recognised"
	}
	return "the store failed: send the file again, rows that were made are recognised"
}

// make makes the account of one row.
func (i *importing) make(ctx context.Context, r row) error {
	r.acc.Created = i.api.Now().UTC()
	r.acc.Updated = r.acc.Created
	again, err := i.patiently(ctx, func() error {
		_, err := i.api.store(ctx, r.acc, account.NewSecret(), true)
		return err
	})
	i.mu.Lock()
	defer i.mu.Unlock()
	i.job.Done++
	var taken *account.TakenError
	switch {
	case err == nil, again && errors.As(err, &taken) && taken.Field == "id": // of a first try only the answer was lost
		i.job.Created++
		i.made.add(r.n)
	case errors.As(err, &taken) && taken.Field == "id":
		i.job.Existing++ // the same file is being read twice at once
	case errors.As(err, &taken) && i.partial:
		f := batchFaults{list: i.job.Faults}
		f.add(r.line, "gsmNumber", "taken", taken.Error())
		i.job.Faults = f.list
	default:
		if web.Temporary(err) {
			i.made.add(r.n)
		}
		return err
	}
	if now := i.api.Now(); now.Sub(i.told) >= tellEvery {
		i.told = now.UTC()
		_ = i.api.Jobs.Put(ctx, i.job) // the next one, or the last, is written
	}
	return nil
}

// patiently tries again what the store had no time for: one slow answer among ten thousand rows does not end an import.
func (i *importing) patiently(ctx context.Context, try func() error) (again bool, err error) {
	pause := 50 * time.Millisecond
	for until := i.api.Now().Add(jobPatience); ; again, pause = true, min(2*pause, time.Second) {
		if err = try(); !web.Temporary(err) || i.api.Now().After(until) {
			return again, err
		}
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return again, err
		}
	}
}

// undo takes away what a job made that must be whole or nothing.
func (i *importing) undo(ctx context.Context) {
	if i.partial {
		return
	}
	var g errgroup.Group
	g.SetLimit(batchWorkers)
	_, err := i.each(&batchFaults{}, nil, func(r row) error {
		if i.made.has(r.n) {
			g.Go(func() error {
				_, err := i.patiently(ctx, func() error { return i.api.Accounts.Delete(ctx, r.acc.ID, 0) })
				if errors.Is(err, account.ErrNotFound) { // of a first try only the answer was lost
					return nil
				}
				return err
			})
		}
		return nil
	})
	if err = errors.Join(g.Wait(), err); err != nil {
		i.job.Reason += "; some accounts could not be taken away again"
		i.api.Log.WarnContext(ctx, "a failed import is not undone", "job", i.job.ID, "err", err)
		return
	}
	i.job.Created = 0
}
