// Package store keeps sipward's nouns behind the small port of internal/store/kv: the repositories are written once and
// run on Redis (single, Sentinel, Cluster) or on the embedded file.
//
// Every account lives in one of 64 buckets, chosen by a hash of its id; the bucket is the tag (Redis Cluster hash tag) of
// the account's record, its bindings, the bucket's indexes and the bucket's change stream. So one transaction writes an
// account, its index entries and its change together, and a registration checks account and bindings together. The limit
// of that choice: a bucket is never split, so at most 64 shards share the accounts. Groups, tokens and clips are few and
// share one tag; heartbeats have another. keys.go lists every key.
//
// Unique users and numbers are claims under tags of their own: taken before the account is written, settled after it.
// The account's transaction leaves an entry in the bucket's index of unsettled operations, so that [Store.Sweep] can
// finish what a crash cut off; a claim whose account was never written lapses, or is freed as soon as the store says so.
//
// A node remembers accounts and bindings. [Store.Run] follows the change stream; what is remembered is believed only
// while the stream has been followed within MaxStaleness, and what is written is checked by version in any case. While
// the store is away, known accounts are served and their bindings kept in memory within that same time; beyond it the
// store's error is returned.
//
// Rules: truth is the record, the change stream is a hint; every record carries its schema and its own id, a misfit is an
// alarm and never served; what a newer version wrote beside what this one knows is kept (a version that adds a field to a
// location raises its schema); nothing is enumerated but by an index; expiry is judged by the stored times, the store's
// own is only its garbage collector.
package store
