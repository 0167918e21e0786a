// Command smoke guards the hot paths in seconds: it runs their benchmarks a fixed number of times and compares allocations,
// bytes, what is left for the collector and, where the processor's counters can be read (perf stat), instructions with a baseline. Times are not compared:
// they say more about the machine than about the code.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
)

// benchmarks are the hot paths, each with how often it runs.
var benchmarks = []benchmark{
	{"./sip", "BenchmarkRegister", 3000},
	{"./sip", "BenchmarkCall", 1500},
	{"./sip/transport", "BenchmarkParse", 20000},
	{"./sip/transport", "BenchmarkSerialise", 20000},
	{"./sip/transport", "BenchmarkUDPIngress", 20000},
	{"./sip/tx", "BenchmarkPlain", 10000},
	{"./sip/tx", "BenchmarkCall", 10000},
	{"./sip/auth", "BenchmarkVerify", 10000},
	{"./sip/auth", "BenchmarkChallenge", 20000},
	{"./sip/registrar", "BenchmarkRefresh", 10000},
	{"./internal/store", "BenchmarkLookup", 20000},
	{"./internal/store", "BenchmarkLocationCodec", 10000},
	{"./media", "BenchmarkPacket", 5000},
}

func main() {
	file := flag.String("baseline", "bench/smoke/baseline.txt", "figures to compare with")
	update := flag.Bool("update", false, "write the baseline instead of comparing with it")
	flag.Parse()
	if err := run(context.Background(), *file, *update); err != nil {
		fmt.Fprintln(os.Stderr, "smoke:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, file string, update bool) error {
	now, err := measure(ctx, benchmarks)
	if err != nil {
		return err
	}
	if update {
		return write(file, now)
	}
	before, err := read(file)
	if err != nil {
		return err
	}
	worse, better := compare(os.Stdout, before, now)
	if better > 0 {
		fmt.Printf("%d are more than a tenth below %s: make bench-smoke UPDATE=1 keeps them there\n", better, file)
	}
	if worse > 0 {
		return fmt.Errorf("%d figures are more than a tenth above %s: mend that, or run make bench-smoke UPDATE=1 and say in the commit why", worse, file)
	}
	fmt.Println("none is more than a tenth above its baseline")
	return nil
}
