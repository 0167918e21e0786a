// Command sipward is the whole system in one binary: the SIP node, its HTTP interfaces, the operators' command line and a
// test phone.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// The exit codes: scripts tell a mistake in the command line from a failure by them.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}

// lookup finds a variable of the environment, and tells whether it is set. Commands take it from main, so that a test
// says what their environment is.
type lookup func(name string) (string, bool)

// value is the variable, "" when it is not set.
func (l lookup) value(name string) string {
	v, _ := l(name)
	return v
}

// run executes one command line and returns its exit code; an error is one line on stderr.
func run(ctx context.Context, args []string, getenv lookup, stdout, stderr io.Writer) int {
	root := rootCommand(getenv)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(stderr, "sipward:", text)
	}
	var code interface{ ExitCode() int }
	if errors.As(err, &code) {
		return code.ExitCode()
	}
	return exitFailed
}
