package sip

import (
	"context"
	"sync"
)

// answers sends what the store has made possible, on a goroutine of its own: the store writes for many phones at a time,
// and their answers leave together.
type answers struct {
	together func(func()) // what is sent meanwhile leaves at its end
	wake     chan struct{}

	mu   sync.Mutex
	jobs []answer // guarded by mu
}

func newAnswers(together func(func())) *answers {
	return &answers{together: together, wake: make(chan struct{}, 1)}
}

// add queues one; it never blocks. What waits for the store is bounded there.
func (a *answers) add(job answer) {
	a.mu.Lock()
	a.jobs = append(a.jobs, job)
	first := len(a.jobs) == 1
	a.mu.Unlock()
	if first {
		a.wake <- struct{}{} // there is room: run empties the list once for each
	}
}

// run works until ctx ends.
func (a *answers) run(ctx context.Context) error {
	var spare []answer
	for {
		select {
		case <-a.wake:
		case <-ctx.Done():
			return nil
		}
		a.mu.Lock()
		jobs := a.jobs
		a.jobs = spare[:0]
		a.mu.Unlock()
		a.together(func() {
			for _, job := range jobs {
				job.send()
			}
		})
		clear(jobs)
		spare = jobs
	}
}
