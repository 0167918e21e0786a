//go:build accept

package main

import "time"

// batchSize is L10: 10,000 rows, 200 requests a second meanwhile.
func batchSize() (rows int, every time.Duration, worst int) { return 10_000, 5 * time.Millisecond, 1 }
