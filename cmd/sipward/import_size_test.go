//go:build !accept

package main

import "time"

// batchSize is small here; worst widens the bounds for a busy machine.
func batchSize() (rows int, every time.Duration, worst int) { return 300, 20 * time.Millisecond, 10 }
