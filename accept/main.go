package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"time"
)

func main() {
	root := flag.String("root", ".", "the module's folder")
	out := flag.String("out", "accept/report", "where the report is written")
	tier := flag.Int("tier", 1, "up to which tier of the list; 2 runs every test there is")
	only := flag.String("only", "", "ids of the list, separated by blanks: these alone")
	command := flag.String("go", "go", "the go command")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := accept(ctx, *root, *out, *command, *tier, strings.Fields(*only))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "accept:", err)
		os.Exit(1)
	}
}

// accept runs the tests and writes the report.
func accept(ctx context.Context, root, out, command string, tier int, only []string) error {
	items, err := readList()
	if err != nil {
		return err
	}
	if err := known(items, tier, only); err != nil {
		return err
	}
	places, err := scan(root, items)
	if err != nil {
		return err
	}
	events, to := io.Pipe()
	go func() { _ = to.CloseWithError(start(ctx, root, command, plan(items, places, tier, only), to)) }()
	return run(items, places, out, events, os.Stdout, scope(ctx, root, tier, only))
}

// known wants a tier and ids that there are: a slip of the pen must not run nothing and be green.
func known(items []item, tier int, only []string) error {
	if tier < 0 || tier > 2 {
		return fmt.Errorf("tier %d: there are 0, 1 and 2", tier)
	}
	for _, id := range only {
		if !slices.ContainsFunc(items, func(i item) bool { return i.id == id }) {
			return fmt.Errorf("%s is not in accept/list.tsv: ids are such as L10 or F1", id)
		}
	}
	return nil
}

// scope tells what was run, and of which commit where git knows it.
func scope(ctx context.Context, root string, tier int, only []string) string {
	what := fmt.Sprint("up to tier ", tier)
	if len(only) > 0 {
		what = strings.Join(only, " ") + " alone"
	}
	describe := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty")
	describe.Dir = root
	if commit, err := describe.Output(); err == nil {
		what += ", commit " + strings.TrimSpace(string(commit))
	}
	return what
}

// start has the go command run the stages. Its exit code tells nothing that the events do not tell too.
func start(ctx context.Context, root, command string, stages []stage, events io.Writer) error {
	for _, s := range stages {
		c := exec.CommandContext(ctx, command, s.arguments()...)
		c.Dir, c.Stdout, c.Stderr = root, events, os.Stderr
		if err := c.Run(); err != nil && (ctx.Err() != nil || !errors.As(err, new(*exec.ExitError))) {
			return err
		}
	}
	return nil
}

// run reads the events of one run, writes the report, and fails when a test did.
func run(items []item, places places, out string, in io.Reader, progress io.Writer, scope string) error {
	began := time.Now()
	results, err := follow(in, progress, places)
	if err != nil {
		return err
	}
	r := report{items: items, places: places, results: results, about: scope + ", " + about(time.Since(began))}
	if err := r.write(out); err != nil {
		return err
	}
	fmt.Fprintf(progress, "report: %s/README.md\n", out)
	if failed := results.failed(); len(failed) > 0 {
		return fmt.Errorf("%d failed: %v", len(failed), failed)
	}
	return nil
}

func about(took time.Duration) string {
	return fmt.Sprintf("%s, %s/%s, %d cores, %s, %s", time.Now().UTC().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(),
		runtime.Version(), took.Round(time.Second))
}
