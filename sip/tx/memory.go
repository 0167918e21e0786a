package tx

import (
	"math"
	"runtime/debug"
)

// What the default of Config.Max is made of.
const (
	costLive      = 10 << 10 // bytes of one live transaction, its messages included
	memoryShare   = 4        // live transactions may take a quarter of the memory
	leastLive     = 1024
	assumedMemory = 1 << 30 // where the system does not tell
)

// What a transaction counts towards Config.Max. A client transaction lets go of its messages with the final answer, and
// then waits for repetitions only, an INVITE for 32 s (Timers D and M): counted in full, calls that are long over would
// crowd out what a small node can well do.
const (
	whole   = 8 // a live transaction
	remnant = 1 // an answered client transaction; more when the ACK that it keeps is long

	remnantBytes = costLive / whole
)

// defaultMax is the number of live transactions that the memory limit, or else the machine's memory, allows.
func defaultMax() int {
	limit := debug.SetMemoryLimit(-1) // a negative limit only reads
	if limit == math.MaxInt64 || limit <= 0 {
		limit = machineMemory()
	}
	return max(int(limit/memoryShare/costLive), leastLive)
}
