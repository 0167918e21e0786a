package embedded

import (
	"fmt"
	"log/slog"
	"time"
)

// Fsync says when a write must be on the disk.
const (
	Always   = "always"   // before it is acknowledged
	Interval = "interval" // within a second
)

// Config says where the store lies and how careful it is.
type Config struct {
	Dir        string        // made when it is missing
	Fsync      string        // Always (default) or Interval
	CacheBytes int           // of records kept in memory; 0: 64 MiB
	Timeout    time.Duration // bound of one call's waiting; 0: 1 s
	Log        *slog.Logger  // nil: discarded
}

func (c Config) withDefaults() (Config, error) {
	if c.Dir == "" {
		return c, fmt.Errorf("store: no directory for the embedded store: set data_dir")
	}
	if c.Fsync == "" {
		c.Fsync = Always
	}
	if c.Fsync != Always && c.Fsync != Interval {
		return c, fmt.Errorf("store.fsync is %q: set it to %s or %s", c.Fsync, Always, Interval)
	}
	if c.CacheBytes == 0 {
		c.CacheBytes = 64 << 20
	}
	if c.Timeout == 0 {
		c.Timeout = time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
