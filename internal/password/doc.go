// Package password hashes operators' passwords with Argon2id (RFC 9106) and judges new ones.
//
// Hashes are PHC strings, so that their parameters can grow: [Hasher.Check] says when one should be made anew. At most
// a few hashes are computed at a time, because each takes 19 MiB; the others wait their turn until their context ends.
package password
