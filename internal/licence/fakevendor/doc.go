// Package fakevendor is a licence vendor for tests and demos: it signs documents for whoever asks, and misbehaves as it
// is told. It speaks the vendor's side of docs/licence.md and is no part of a production system.
//
// State: a key pair made when it starts, the serial and the last document of every account, and how it behaves. Limits: it
// gives a licence to everybody, and forgets all when it ends.
package fakevendor
