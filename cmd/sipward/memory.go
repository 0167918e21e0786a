package main

import (
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// mostHeadroom is how much garbage may gather before the collector runs, however little there is to keep.
const mostHeadroom = 128 << 20

// settleMemory gives the collector its bounds, where the environment does not set them, and returns what holds them:
// keep it until the server ends.
//
// The collector's work for each byte that is allocated is the memory kept, times 100, divided by GOGC and by the memory
// kept: it is the same for a small node as for a large one, about a tenth of a REGISTER, though a small node's memory is
// idle anyway. So a small node gets headroom: address space that is never touched, costs no memory, and counts as kept.
// With GOGC at 100 that much more garbage gathers between two collections.
//
// In a container the memory limit is the cgroup's, less a tenth for what is not Go's heap: near it the collector works
// harder instead of having the process killed. GOGC and GOMEMLIMIT in the environment win; GOGC leaves out the headroom.
func settleMemory(getenv lookup) (held []byte) {
	if _, set := getenv("GOMEMLIMIT"); !set {
		if limit := cgroupLimit("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"); limit > 0 {
			debug.SetMemoryLimit(limit / 10 * 9)
		}
	}
	if _, set := getenv("GOGC"); set {
		return nil
	}
	return make([]byte, headroom(debug.SetMemoryLimit(-1))) // a negative limit only reads
}

// accountBytes is about what a remembered account with one binding costs.
const accountBytes = 2 << 10

// cachedAccounts is how many accounts a node remembers: a sixteenth of its memory, at least 32768, at most a million.
func cachedAccounts() int {
	limit := debug.SetMemoryLimit(-1) // a negative limit only reads
	if limit == math.MaxInt64 {
		limit = machineMemory("/proc/meminfo")
	}
	return int(max(32<<10, min(limit/16/accountBytes, 1<<20)))
}

// machineMemory is what the machine has, in bytes; 0 where the file does not say.
func machineMemory(meminfo string) int64 {
	text, err := os.ReadFile(meminfo)
	if err != nil {
		return 0
	}
	var kib int64
	if _, err := fmt.Sscanf(string(text), "MemTotal: %d kB", &kib); err != nil {
		return 0
	}
	return kib << 10
}

// headroom is a sixteenth of the memory limit, at most mostHeadroom: the limit counts it as used.
func headroom(limit int64) int64 { return min(limit/16, mostHeadroom) }

// cgroupLimit is the first limit that a file states, in bytes; 0 when none does. Version 1 writes a number near 2^63 for
// no limit, version 2 "max".
func cgroupLimit(files ...string) int64 {
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 && n < math.MaxInt64/2 {
			return n
		}
	}
	return 0
}
