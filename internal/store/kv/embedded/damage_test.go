package embedded_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sipward/internal/store/kv"
	"sipward/internal/store/kv/embedded"
	"sipward/internal/store/kv/kvtest"
)

func numbered(i int) kv.Key { return kv.Key{Tag: "n", Name: fmt.Sprintf("r%05d", i)} }

func put(t testing.TB, s kv.Store, i, size int) error {
	t.Helper()
	_, err := s.Commit(t.Context(), kv.Txn{Tag: "n", Puts: []kv.Put{{Key: numbered(i), Value: make([]byte, size)}}})
	return err
}

// crashed gives the files of a store that has written n records and was never closed.
func crashed(t *testing.T, n int) string {
	t.Helper()
	from, to := t.TempDir(), t.TempDir()
	s := open(t, embedded.Config{Dir: from})
	for i := range n {
		if err := put(t, s, i, 100); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"sipward.db", "sipward.log"} {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// kept counts the first records that are there.
func kept(t *testing.T, s kv.Store, n int) int {
	t.Helper()
	for i := range n {
		r, err := s.Read(t.Context(), numbered(i))
		if err != nil {
			t.Fatal(err)
		}
		if r[0].Version == 0 {
			return i
		}
	}
	return n
}

func TestUnfinishedLog(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		damage func(log []byte) []byte
		kept   int
		err    string
	}{
		{"whole", func(b []byte) []byte { return b }, 20, ""},
		{"the last frame is torn", func(b []byte) []byte { return b[:len(b)-3] }, 19, ""},
		{"rubbish behind the last frame", func(b []byte) []byte { return append(b, "rubbish that is no frame"...) }, 20, ""},
		{"zeros behind the last frame", func(b []byte) []byte { return append(b, make([]byte, 4096)...) }, 20, ""},
		{"a byte of the last frame is wrong", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, 19, ""},
		{"a byte in the middle is wrong", func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, 0, "is damaged at byte"},
		{"the beginning is missing", func(b []byte) []byte { return b[len(b)/20:] }, 0, "restore both files"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := crashed(t, 20)
			path := filepath.Join(dir, "sipward.log")
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, c.damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := embedded.Open(embedded.Config{Dir: dir})
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("Open: %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if n := kept(t, s, 20); n != c.kept {
				t.Errorf("%d records are left, want %d", n, c.kept)
			}
			if err := put(t, s, 99, 1); err != nil {
				t.Errorf("writing on: %v", err)
			}
		})
	}
}

func TestDatabaseCutShort(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, embedded.Config{Dir: dir, Fsync: embedded.Interval})
	for i := range 1000 {
		if err := put(t, s, i, 1000); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "sipward.db")
	for _, size := range []int64{512 << 10, 20_000, 5000, 100} {
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		s, err := embedded.Open(embedded.Config{Dir: dir})
		if err == nil {
			s.Close()
			t.Fatalf("a file of %d bytes opened", size)
		}
		if text := err.Error(); !strings.Contains(text, "restore it from a backup") || strings.Contains(text, "\n") {
			t.Errorf("%d bytes: %q does not name the mend in one line", size, text)
		}
	}
}

func TestLockedByAnother(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, embedded.Config{Dir: dir})
	if _, err := embedded.Open(embedded.Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Fatalf("Open: %v", err)
	}
}

// TestDiskFull fills a small disk (F7): what is refused is not there, reads go on, and writes resume without a restart.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	for _, fsync := range []string{embedded.Always, embedded.Interval} {
		for _, c := range []struct {
			name string
			size int // of the disk in MiB; three quarters of it are ballast at first
		}{
			{"before the first checkpoint", 4},
			{"while checkpoints fail", 40},
		} {
			t.Run(fsync+" "+c.name, func(t *testing.T) {
				t.Parallel()
				fillDisk(t, smallDisk(t, c.size), fsync, c.size<<20*3/4)
			})
		}
	}
}

func smallDisk(t *testing.T, mib int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mib)); err != nil {
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

func fillDisk(t *testing.T, disk, fsync string, ballast int) {
	t.Helper()
	weight := filepath.Join(disk, "ballast")
	if err := os.WriteFile(weight, make([]byte, ballast), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(disk, "store")
	s := open(t, embedded.Config{Dir: dir, Fsync: fsync, CacheBytes: 1 << 20, Timeout: time.Minute})
	written := 0
	var err error
	for ; written < 100_000; written++ {
		if err = put(t, s, written, 4000); err != nil {
			break
		}
	}
	if !errors.Is(err, kv.ErrRefused) || !strings.Contains(err.Error(), "free space in "+dir) {
		t.Fatalf("after %d records: %v, want ErrRefused and the mend", written, err)
	}
	t.Logf("%d records of 4000 bytes before the disk was full", written)
	if n := kept(t, s, written+1); n != written {
		t.Errorf("%d records can be read, %d were acknowledged", n, written)
	}
	_ = s.Close() // cannot write the last checkpoint
	s = open(t, embedded.Config{Dir: dir, Fsync: fsync, CacheBytes: 1 << 20, Timeout: time.Minute})
	if n := kept(t, s, written+1); n != written {
		t.Errorf("%d records can be read after a restart on the full disk, %d were acknowledged", n, written)
	}
	if err := os.Remove(weight); err != nil {
		t.Fatal(err)
	}
	if !kvtest.Until(10*time.Second, func() bool { return put(t, s, written, 4000) == nil }) {
		t.Fatal("writes do not resume")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, embedded.Config{Dir: dir, Fsync: fsync})
	n := kept(t, s, written+2)
	t.Logf("of %d acknowledged records lost: %d / limit 0", written+1, written+1-n)
	if n != written+1 {
		t.Errorf("%d records are there after a restart, %d were acknowledged", n, written+1)
	}
}
