// Package store keeps sipward's nouns behind the small port of internal/store/kv: the repositories are written once and
// run on Redis (single, Sentinel, Cluster) or on the embedded file.
//
// Every account lives in one of 64 buckets, chosen by a hash of its id; the bucket is the tag (Redis Cluster hash tag) of
// the account's record, its bindings, the bucket's index of accounts and the bucket's change stream. So one transaction
// writes an account, its index entries and its change together, and a registration checks account and bindings together.
// Unique users and numbers are claims under tags of their own: taken before the account is written, confirmed after it,
// mended by [Store.Sweep] when a crash fell between. Groups, profiles, tokens and clips are few and share one tag.
//
// Rules: truth is the record, the change stream is a hint; every record carries its schema and its own id, a misfit is an
// alarm and never served; unknown JSON fields are kept; nothing is enumerated but by an index.
package store
