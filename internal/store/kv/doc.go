// Package kv is the small port behind which all state lies: records with versions, transactions that check and write
// under one tag, ordered indexes, and streams. Two adapters satisfy it: kv/redis (production) and kv/embedded (one
// durable file, when no Redis is configured). The repositories in internal/store are written once, on this port.
//
// The tag of a key is its Redis Cluster hash tag: everything one transaction touches has one tag. There is no scan, no
// key pattern and no keyspace event: what must be enumerated is in an index.
//
// Expiry: Put with a time makes the record vanish some time after it. That is garbage collection only; whoever reads a
// record judges its own stored times.
package kv
