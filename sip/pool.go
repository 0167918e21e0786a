package sip

import (
	"context"
	"sync"
)

// pool runs the requests that wait for the store on a bounded number of goroutines, so that a slow store costs waiting
// requests and not memory.
type pool struct {
	jobs chan func()
	wg   sync.WaitGroup
}

func newPool(waiting int) *pool { return &pool{jobs: make(chan func(), waiting)} }

// submit queues a job, or reports false when the queue is full.
func (p *pool) submit(job func()) bool {
	select {
	case p.jobs <- job:
		return true
	default:
		return false
	}
}

// run works until ctx ends and the goroutines have finished their last job.
func (p *pool) run(ctx context.Context, workers int) {
	for range workers {
		p.wg.Go(func() {
			for {
				select {
				case job := <-p.jobs:
					job()
				case <-ctx.Done():
					return
				}
			}
		})
	}
	p.wg.Wait()
}
