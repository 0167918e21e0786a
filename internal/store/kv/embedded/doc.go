// Package embedded keeps the state of one node in a directory, when no Redis is configured: a bbolt file, and beside it
// a log. It is the only user of bbolt.
//
// A transaction is checked, written to the log, applied to the one open bbolt transaction (which therefore holds what
// the file does not have yet, and answers reads), and acknowledged. Many transactions that wait together share one
// write of the log and, with Fsync "always", one fsync. A checkpoint, every 10 s or 4 MiB of log, commits the bbolt
// transaction, opens the next one and empties the log. Open replays what the log holds beyond the file.
//
// Why a log before bbolt: a bbolt commit is two fsyncs and a page of 4 KiB for each record it touches, and without its
// fsyncs a power cut can leave a file that no longer opens. So bbolt always commits with its fsyncs, rarely, and the log
// carries the promises: nothing acknowledged is lost when the process dies; a power cut loses nothing with "always" and
// at most the last second with "interval".
//
// State: the bbolt transaction and its buckets (changed by the committer goroutine under Store.mu), a bounded cache of
// records (written through), the waiters of Tails. Records expire by the clock of this machine: an expired record is
// never returned, and a sweep each second removes it.
//
// When the disk is full or fails, transactions end with [kv.ErrRefused] (nothing was written) or [kv.ErrUnavailable],
// reads go on, and writes work again once the disk does; no restart is needed.
//
// Limits: one process (the file is locked), the disk's space, 64 MiB of log when checkpoints keep failing.
package embedded
