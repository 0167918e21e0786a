// Package audit holds the nouns of the audit log: who acts, what an act changed, and the hash chains that make the log
// tamper-evident. No I/O.
//
// Who acts travels in the context, from the HTTP floor down to the store, which writes the entry in the transaction of the
// change itself. There is one chain for each tag of the store, since a transaction has one tag: [Chain] numbers its
// entries and binds each to the one before by SHA-256, and the head carries a MAC under a key derived from the root key.
// So nobody who can write the store but has no root key can change, drop, insert or reorder an entry without [Verify]
// naming it. What it cannot tell is a whole store set back to an older state: an export kept elsewhere does.
//
// Secrets are masked by the name of their field before anything is written ([Diff]).
package audit
