package sip_test

import (
	"os"
	"runtime"
	"strings"
	"testing"
)

// Calls leave nothing behind: no goroutine, no descriptor, no port, no dialog. Not in parallel: it counts what the whole
// process has.
func TestCallsLeaveNothingBehind(t *testing.T) { leaveNothing(t, 1000) }

func leaveNothing(t *testing.T, calls int) {
	r := serve(t)
	alice, bob := r.socket(t), r.socket(t)
	by := r.introduce(t, alice, bob)
	call := func(n int) {
		for n > 0 {
			if handCall(alice, bob, by) {
				n--
			}
		}
	}
	call(1)
	eventually(t, "all workers of the node have begun", func() bool { return strings.Count(stacks(), "sip.(*pool).run.func1(") == 128 })
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	call(calls)
	eventually(t, "no call is up and no port leased", func() bool { return len(r.Calls()) == 0 && r.ports.Leased() == 0 })
	const some = 20
	defer func() {
		t.Logf("after %d calls: %d goroutines more, %d descriptors more / limit %d, %d ports leased, %d calls up / limit 0", calls,
			runtime.NumGoroutine()-goroutines, descriptors(t)-files, some, r.ports.Leased(), len(r.Calls()))
		if t.Failed() {
			t.Log(stacks())
		}
	}()
	eventually(t, "goroutines and descriptors are back where they were", func() bool {
		return runtime.NumGoroutine() <= goroutines+some && descriptors(t) <= files+some
	})
}

// stacks are those of all goroutines.
func stacks() string {
	b := make([]byte, 4<<20)
	return string(b[:runtime.Stack(b, true)])
}

// descriptors is how many files and sockets the process has open; 0 where nobody tells.
func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}
