package main

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestHeadroom(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int64]int64{math.MaxInt64: mostHeadroom, 8 << 30: mostHeadroom, 512 << 20: 32 << 20} {
		if got := headroom(limit); got != want {
			t.Errorf("headroom(%d) = %d, want %d", limit, got, want)
		}
	}
}

func TestHeadroomGivesWayToGOGC(t *testing.T) {
	t.Parallel()
	set := func(string) (string, bool) { return "100", true }
	if held := settleMemory(set); held != nil {
		t.Errorf("%d bytes of headroom though GOGC is set", len(held))
	}
}

func TestCgroupLimit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	none, unlimited := file("v2", "max\n"), file("v1", "9223372036854771712\n")
	for _, c := range []struct {
		files []string
		want  int64
	}{
		{[]string{filepath.Join(dir, "absent")}, 0},
		{[]string{none, unlimited}, 0},
		{[]string{none, file("some", "1073741824\n")}, 1 << 30},
	} {
		if got := cgroupLimit(c.files...); got != c.want {
			t.Errorf("cgroupLimit(%v) = %d, want %d", c.files, got, c.want)
		}
	}
}

func TestMachineMemory(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "meminfo")
	if err := os.WriteFile(name, []byte("MemTotal:       16384 kB\nMemFree:         1 kB\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := machineMemory(name); got != 16<<20 {
		t.Errorf("machineMemory = %d, want %d", got, 16<<20)
	}
	if got := machineMemory(name + ".absent"); got != 0 {
		t.Errorf("machineMemory without a file = %d, want 0", got)
	}
	if n := cachedAccounts(); n < 32<<10 || n > 1<<20 {
		t.Errorf("%d accounts are remembered", n)
	}
}
