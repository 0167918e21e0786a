// Package pki keeps the server's certificate: it makes a small CA of our own and a certificate under it when none is
// configured, and hands out whatever the files hold, anew when they change, so that a certificate is replaced without a
// restart and without dropping a connection.
//
// The CA's key is derived from the root key: all nodes with one root key make the same CA.
//
// A broken pair never replaces a working one: the old one is kept and the fault logged. Keys are ECDSA P-256, files that
// hold one have mode 0600. The CA lives for ten years, a certificate for 397 days; a generated one is renewed at the next
// start within its last 30 days, or when the names it is for have changed.
package pki
