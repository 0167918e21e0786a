package siptest

import (
	"os/exec"
	"testing"
)

// Launched is a running program that is no phone: a gateway, a simulator.
type Launched struct {
	t    testing.TB
	proc *program
}

// Launch starts a program in a directory; it is killed, with its children, when the test ends. A program that is not
// installed skips the test, or fails it when phones are required.
func Launch(t testing.TB, dir, name string, args ...string) *Launched {
	t.Helper()
	return &Launched{t, start(t, dir, nil, need(t, name), args...)}
}

// Missing says that a part of a program that is needed is not installed: it skips the test, or fails it when phones are
// required.
func Missing(t testing.TB, what string) {
	t.Helper()
	need(t, what)
}

// Runs reports whether a program with these arguments ends well.
func Runs(t testing.TB, name string, args ...string) bool {
	t.Helper()
	return exec.CommandContext(t.Context(), need(t, name), args...).Run() == nil
}

// Says waits until the program has printed a text.
func (l *Launched) Says(text string) {
	l.t.Helper()
	if err := l.proc.says(Within(l.t), text); err != nil {
		l.t.Fatal(err)
	}
}

// Output is what the program has printed so far.
func (l *Launched) Output() string { return l.proc.out.String() }

// FreePorts reserves n ports in a row on loopback for programs that cannot say which port they were given.
func FreePorts(t testing.TB, n int) int {
	t.Helper()
	return freePorts(t, n)
}
