// Package journal takes records off the hot path: [Journal.Add] never blocks and never fails, a goroutine of its own
// writes what waits in batches. While their goal, most often the store, is away records wait; what does not fit is dropped, counted and told in
// one log line a second.
//
// Limits: 16384 records wait at most, 256 go in one batch; a record is written within 200 ms when it answers.
package journal
