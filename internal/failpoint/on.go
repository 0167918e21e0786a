//go:build failpoint

package failpoint

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Here kills the process by the chance that the environment gives this place. Once it has begun to die it goes no further.
func Here(name string) {
	armed, chance, _ := strings.Cut(os.Getenv(Variable), "=")
	if armed != name {
		return
	}
	if p, err := strconv.ParseFloat(chance, 64); err != nil || rand.Float64() >= p {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// Soon is a tenth of d: what a process that died leaves to time, a test need not wait for.
func Soon(d time.Duration) time.Duration { return d / 10 }
