// Package redis keeps the state in Redis: one server, Sentinel, or Cluster. It is the only user of go-redis.
//
// A record is one string, its version in the first 8 bytes, so that a check is a GETRANGE; an index is a sorted set; a
// stream is a stream. A transaction is one Lua script over keys of one hash tag, which makes no error after its first
// write, so that all happens or nothing. What callers ask for at the same time shares a pipeline (see collector), and the
// commonest transactions, a put behind some checks, share one script too (see put): running any costs more than what it
// does. On a cluster those of one tag share one. [Store.Begin] commits without a goroutine that waits. Nothing
// is retried but a script that the server did not know, because a retried append could happen twice. Tails of one server
// and of Sentinel block in XREAD on connections of their own, at most 1 s at a time, for a blocked read does not notice
// that its context ended; on Cluster, where one XREAD cannot cross slots, they poll every 100 ms.
//
// Every call ends within [Config].Timeout (200 ms). A breaker opens when half of at least 20 calls failed, answers
// [kv.ErrUnavailable] at once, and lets one call through each second to see whether Redis is back. What Redis answers
// with an error becomes kv.ErrRefused (nothing was written: OOM, READONLY, MISCONF, NOREPLICAS, NOAUTH, NOPERM) or
// kv.ErrUnavailable (LOADING, BUSY, MASTERDOWN, CLUSTERDOWN, no answer), is counted by its class, and is logged once per
// class and half a minute, with the mend.
//
// State: connections, and for each stream followed the position last known to be good. Expired records vanish by the
// clock of this node, as Redis counts down the rest of the time (PX), whatever its own clock says.
//
// Limits: database 0; RESP2; Redis 5 or later; a pipeline that touches a dead shard of a cluster is as late as that shard.
package redis
