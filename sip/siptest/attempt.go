package siptest

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// attempts is how often a test that uses foreign phones may be tried when one of them crashes.
const attempts = 3

// Strangers runs a test that uses foreign phones, and runs it anew when one of them dies of a fault of its own (a
// segmentation violation and its like): their crash is neither our failure nor our success. Everything else that fails,
// fails at once.
func Strangers(t *testing.T, f func(t testing.TB)) {
	t.Helper()
	for n := 1; ; n++ {
		a := &attempt{TB: t}
		a.run(f)
		switch {
		case a.skipped != "":
			t.Skip(a.skipped)
		case !a.failed:
			return
		case a.crashed == "" || n == attempts:
			for _, line := range a.lines {
				t.Log(line)
			}
			t.FailNow()
		}
		t.Logf("%s crashed, trying again", a.crashed)
	}
}

// attempt is a testing.TB whose failure can be taken back.
type attempt struct {
	testing.TB

	mu       sync.Mutex // guards what follows
	failed   bool
	crashed  string
	skipped  string
	lines    []string
	cleanups []func()
}

// run calls f in a goroutine of its own, which Fatal and Skip may end, and cleans up after it.
func (a *attempt) run(f func(testing.TB)) {
	for _, part := range []func(){func() { f(a) }, a.cleanUp} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			part()
		}()
		<-done
	}
}

func (a *attempt) cleanUp() {
	for {
		a.mu.Lock()
		n := len(a.cleanups)
		if n == 0 {
			a.mu.Unlock()
			return
		}
		f := a.cleanups[n-1]
		a.cleanups = a.cleanups[:n-1]
		a.mu.Unlock()
		f()
	}
}

// Cleanup registers what the end of the attempt does.
func (a *attempt) Cleanup(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cleanups = append(a.cleanups, f)
}

func (a *attempt) note(fail bool, line string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed = a.failed || fail
	a.lines = append(a.lines, line)
}

// crash notes that a foreign phone died of its own fault.
func (a *attempt) crash(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.crashed = name
}

// The methods of testing.TB that must not reach the test while it may still be tried again.

func (a *attempt) Log(args ...any)            { a.note(false, fmt.Sprint(args...)) }
func (a *attempt) Logf(s string, args ...any) { a.note(false, fmt.Sprintf(s, args...)) }
func (a *attempt) Error(args ...any)          { a.note(true, fmt.Sprint(args...)) }
func (a *attempt) Errorf(s string, v ...any)  { a.note(true, fmt.Sprintf(s, v...)) }
func (a *attempt) Fail()                      { a.note(true, "failed") }

func (a *attempt) FailNow()                  { a.Fail(); runtime.Goexit() }
func (a *attempt) Fatal(args ...any)         { a.Error(args...); runtime.Goexit() }
func (a *attempt) Fatalf(s string, v ...any) { a.Errorf(s, v...); runtime.Goexit() }
func (a *attempt) Skip(args ...any)          { a.skip(fmt.Sprint(args...)) }
func (a *attempt) Skipf(s string, v ...any)  { a.skip(fmt.Sprintf(s, v...)) }
func (a *attempt) SkipNow()                  { a.skip("skipped") }

// Failed reports whether this attempt has failed so far.
func (a *attempt) Failed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failed
}

func (a *attempt) skip(why string) {
	a.mu.Lock()
	a.skipped = why
	a.mu.Unlock()
	runtime.Goexit()
}

// crashed reports whether a process died of a fault of its own.
func crashed(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return false
	}
	switch status.Signal() {
	case syscall.SIGSEGV, syscall.SIGABRT, syscall.SIGBUS, syscall.SIGILL, syscall.SIGFPE:
		return true
	}
	return false
}
