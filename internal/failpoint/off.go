//go:build !failpoint

package failpoint

import "time"

// Here does nothing in a normal build.
func Here(string) {}

// Soon is d in a normal build.
func Soon(d time.Duration) time.Duration { return d }
