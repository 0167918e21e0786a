// Command relay loads a media relay with calls and measures what a packet costs it: sipward's own, in a process of its own,
// or rtpengine's userspace forwarding over its NG protocol. Both get the same packets from the same generator, in one run.
//
//	go build -o bin/benchrelay ./bench/relay && chrt -f 10 taskset -c 1 bin/benchrelay -calls 1000 -for 10s ours rtpengine
//
// The relay runs on core 0 (-pin), the generator where it was started. CPU time is read from /proc, so it hardly depends
// on what else runs, as long as nobody starves, which is what chrt is for; delays do. Everything is on loopback: 172 bytes,
// 50 packets a second each way and call, spread evenly.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

// target is a relay under load.
type target interface {
	// open begins a call between two addresses and returns where each of them sends.
	open(call int, a, b string) (toA, toB int, err error)
	pid() int
	close()
}

func main() {
	calls := flag.Int("calls", 1000, "calls, of two streams each")
	length := flag.Duration("for", 10*time.Second, "how long each target is loaded")
	pin := flag.String("pin", "0", "core of the relay; empty: any")
	serve := flag.Bool("serve", false, "be the relay (used by this command itself)")
	reps := flag.Int("reps", 1, "repetitions, interleaved")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *serve, *calls, *length, *pin, *reps, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "relay:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, serve bool, calls int, length time.Duration, pin string, reps int, names []string) error {
	if serve {
		return serveRelay(ctx, os.Stdin, os.Stdout)
	}
	if len(names) == 0 {
		names = []string{"ours"}
	}
	fmt.Println("target\tcalls\tsent\tlost_pct\tcpu_us_per_packet\tcore_pct\tdelay_p50_us\tdelay_p99_us")
	for range reps {
		for _, name := range names {
			if err := measure(ctx, name, calls, length, pin); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

func measure(ctx context.Context, name string, calls int, length time.Duration, pin string) error {
	start := startOurs
	if name == "rtpengine" {
		start = startRTPEngine
	}
	t, err := start(ctx, pin)
	if err != nil {
		return err
	}
	defer t.close()
	g, err := newGenerator(calls)
	if err != nil {
		return err
	}
	defer g.close()
	for i := range calls {
		if err := g.open(t, i); err != nil {
			return err
		}
	}
	g.run(ctx, time.Second) // both sides of every call are found
	g.reset()
	before, began := cpu(t.pid()), time.Now()
	g.run(ctx, length)
	took, spent := time.Since(began), cpu(t.pid())-before
	r := g.result()
	fmt.Printf("%s\t%d\t%d\t%.3f\t%.2f\t%.0f\t%d\t%d\n", name, calls, r.sent, 100*float64(r.sent-r.received)/float64(r.sent),
		float64(spent.Microseconds())/float64(r.received), 100*spent.Seconds()/took.Seconds(), r.p50.Microseconds(), r.p99.Microseconds())
	return nil
}
