package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"sipward/internal/store/kv"
	"sipward/internal/store/kv/embedded"
)

// childDir tells the test binary to be the process that is killed: it writes to the store in this directory.
const childDir = "SIPWARD_TEST_STORE_DIR"

// crashWriters is how many goroutines of the child write, each its own counter.
const crashWriters = 16

func writerKey(w int, name string) kv.Key { return kv.Key{Tag: "w" + strconv.Itoa(w), Name: name} }

// child writes until it is killed, and prints "writer counter" for each write that was acknowledged.
func child(dir string) {
	s, err := embedded.Open(embedded.Config{Dir: dir, Fsync: os.Getenv("SIPWARD_TEST_STORE_FSYNC")})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var all sync.WaitGroup
	for w := range crashWriters {
		all.Go(func() {
			for { // a slow disk is no failure: nothing was acknowledged
				if err := childWriter(s, w); !errors.Is(err, kv.ErrUnavailable) {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
			}
		})
	}
	all.Wait()
}

func childWriter(s *embedded.Store, w int) error {
	r, err := s.Read(context.Background(), writerKey(w, "n"))
	if err != nil {
		return err
	}
	for n := int(r[0].Version) + 1; ; n++ {
		res, err := s.Commit(context.Background(), kv.Txn{
			Tag:     "w" + strconv.Itoa(w),
			Checks:  []kv.Check{{Key: writerKey(w, "n"), Version: uint64(n - 1)}},
			Puts:    []kv.Put{{Key: writerKey(w, "n"), Value: make([]byte, 300)}},
			Adds:    []kv.IndexAdd{{Index: writerKey(w, "i"), Member: strconv.Itoa(n), Score: float64(n)}},
			Appends: []kv.Append{{Stream: writerKey(w, "s"), Value: []byte(strconv.Itoa(n))}},
		})
		if err != nil {
			return err
		}
		if res.Versions[0] != uint64(n) {
			return fmt.Errorf("writer %d: version %d, want %d", w, res.Versions[0], n)
		}
		fmt.Printf("%d %d\n", w, n) // one write(2), so that lines are whole
	}
}

// TestKilledUnderLoad kills a writing process at random moments (F9): everything it had acknowledged is found.
func TestKilledUnderLoad(t *testing.T) {
	t.Parallel()
	for _, fsync := range []string{embedded.Always, embedded.Interval} {
		t.Run(fsync, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for range 6 {
				acknowledged := runChild(t, dir, fsync, 200+rand.IntN(6000))
				verify(t, dir, acknowledged)
			}
		})
	}
}

// runChild lets the child write until it has acknowledged so many, kills it, and gives the newest counter of each writer.
func runChild(t *testing.T, dir, fsync string, writes int) []int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, "SIPWARD_TEST_STORE_FSYNC="+fsync)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	newest := make([]int, crashWriters)
	lines := bufio.NewScanner(out)
	for i := 0; lines.Scan(); i++ {
		if i == writes {
			_ = cmd.Process.Kill() // and read on: what is in the pipe was acknowledged
		}
		var w, n int
		if _, err := fmt.Sscan(lines.Text(), &w, &n); err == nil {
			newest[w] = n
		}
	}
	_ = cmd.Wait() // killed
	return newest
}

func verify(t *testing.T, dir string, acknowledged []int) {
	t.Helper()
	begin := time.Now()
	s := open(t, embedded.Config{Dir: dir})
	t.Logf("opening: %v / 2 s", time.Since(begin).Round(time.Millisecond)) // on a disk that is free
	for w, n := range acknowledged {
		records, err := s.Read(t.Context(), writerKey(w, "n"))
		if err != nil {
			t.Fatal(err)
		}
		have := int(records[0].Version)
		if have < n {
			t.Errorf("writer %d: %d was acknowledged, %d is there", w, n, have)
		}
		counts, err := s.Count(t.Context(), writerKey(w, "i"))
		if err != nil || counts[0] != have {
			t.Errorf("writer %d: %d index entries beside version %d (%v)", w, counts[0], have, err)
		}
		found, err := s.Tails(t.Context(), 0, have+1, kv.Tail{Stream: writerKey(w, "s")})
		if err != nil || len(found[0]) != have {
			t.Errorf("writer %d: %d entries beside version %d (%v)", w, len(found[0]), have, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
