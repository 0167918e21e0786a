// Package seal keeps secrets at rest: AES-256-GCM under named keys, each box bound to a purpose string (the additional
// data), so that a box moved to another record does not open. A [Ring] seals with its newest key and opens with any, so
// keys rotate while the system runs; removing an old key makes its boxes unreadable, for ever.
//
// The root key comes from the configuration or from a generated file of mode 0600 ([LoadOrCreate]); the keys for the
// single purposes are derived from it by HKDF-SHA-256 (RFC 5869), so no two purposes share a key.
package seal
