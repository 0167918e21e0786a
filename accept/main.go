package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"
)

func main() {
	root := flag.String("root", ".", "the module's folder")
	out := flag.String("out", "accept/report", "where the report is written")
	flag.Parse()
	if err := run(*root, *out, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "accept:", err)
		os.Exit(1)
	}
}

// run reads the events of one run, writes the report, and fails when a test did.
func run(root, out string, in io.Reader, progress io.Writer) error {
	items, err := readList()
	if err != nil {
		return err
	}
	places, err := scan(root, items)
	if err != nil {
		return err
	}
	results, err := follow(in, progress, places)
	if err != nil {
		return err
	}
	r := report{items: items, places: places, results: results, about: about()}
	if err := r.write(out); err != nil {
		return err
	}
	fmt.Fprintf(progress, "report: %s/README.md\n", out)
	if failed := results.failed(); len(failed) > 0 {
		return fmt.Errorf("%d failed: %v", len(failed), failed)
	}
	return nil
}

func about() string {
	return fmt.Sprintf("%s, %s/%s, %d cores, %s", time.Now().UTC().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
}
