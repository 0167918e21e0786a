// Package keylog is the arithmetic of the key directory's log: an append-only list of uploads and revocations in which
// every entry names the hash of the one before it, and a Merkle tree over them (RFC 9162 section 2.1) whose inclusion
// proofs a phone verifies offline. It does no I/O.
//
// State: none; the store keeps entries, nodes of complete subtrees, and the head. Limits: a proof has at most 64 hashes.
package keylog
