package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"sipward/sip/phone"
)

// goodbye bounds the BYE and the unregistering after the command has been told to end.
const goodbye = 5 * time.Second

// phoneSession is one run of a phone command.
type phoneSession struct {
	*phone.Phone
	flags *phoneFlags
	out   io.Writer // safe for concurrent use
}

func (s phoneSession) register(ctx context.Context) error {
	if err := s.Register(ctx); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "registered for %s\n", s.Granted())
	return nil
}

// unregister also works when ctx has ended.
func (s phoneSession) unregister(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	if err := s.Unregister(ctx); err != nil {
		return err
	}
	fmt.Fprintln(s.out, "unregistered")
	return nil
}

// stay waits for --duration, or for ctx's end.
func (s phoneSession) stay(ctx context.Context) {
	timer := time.NewTimer(s.flags.duration)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// call places one call and stays in it to its end.
func (s phoneSession) call(ctx context.Context, number string) error {
	call, err := s.Call(ctx, number, phone.Options{})
	if err != nil {
		return err
	}
	err = s.follow(ctx, call)
	s.printReport(call)
	return err
}

// follow waits for a call's end: theirs, after --duration from the answer, or ctx's.
func (s phoneSession) follow(ctx context.Context, call *phone.Call) error {
	until, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := call.Answered(until); err == nil {
		fmt.Fprintf(s.out, "answered: %s\n", call.Peer())
		if s.flags.duration > 0 {
			until, cancel = context.WithTimeout(ctx, s.flags.duration)
			defer cancel()
		}
	}
	err := call.Wait(until)
	if until.Err() == nil {
		return err
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	if err := call.Hangup(last); err != nil {
		return err
	}
	return call.Wait(last)
}

// listen answers calls, each in its own goroutine, and returns when they have ended.
func (s phoneSession) listen(ctx context.Context, most, refuse int, ring time.Duration) error {
	if s.flags.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.flags.duration)
		defer cancel()
	}
	var all sync.WaitGroup
	defer all.Wait()
	for n := 0; most == 0 || n < most; n++ {
		call, err := s.Incoming(ctx)
		if ctx.Err() != nil {
			return nil // told to end
		}
		if err != nil {
			return err
		}
		all.Go(func() { s.take(ctx, call, refuse, ring) })
	}
	return nil
}

// take rings and answers, or refuses, one call.
func (s phoneSession) take(ctx context.Context, call *phone.Call, refuse int, ring time.Duration) {
	fmt.Fprintf(s.out, "call from %s\n", call.Peer())
	if refuse > 0 {
		call.Reject(refuse, "")
		return
	}
	if ring > 0 {
		_ = call.Ring() // the caller may have gone already: Answer says so
		waited, cancel := context.WithTimeout(ctx, ring)
		_ = call.Wait(waited)
		cancel()
	}
	if err := call.Answer(); err != nil {
		fmt.Fprintf(s.out, "not answered: %v\n", err)
		return
	}
	last := context.WithoutCancel(ctx)
	if _ = call.Wait(ctx); ctx.Err() != nil { // why it ended is in its result
		bye, cancel := context.WithTimeout(last, goodbye)
		defer cancel()
		_ = call.Hangup(bye)
		_ = call.Wait(bye)
	}
	s.printReport(call)
}
