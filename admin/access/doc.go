// Package access lets operators in: sign-in with password and second factor, sessions, set-up links, the operators
// themselves, and the log of all of it. Who may use which route is the floor's question (package web).
//
// State: a few operators, their sessions and links in the store, and the failures of the last half hour, which all nodes count together.
//
// Rules. A name and a wrong password, a name nobody has, and one that is disabled get the same answer after the same
// work. Failures lock a pair of name and source, never a name: a stranger locks out nobody but those behind his own
// address. One session an operator by default; a new one ends the others. Sessions end with a change of password, role or
// state. Codes and links work once. Nothing here logs what was typed but the name.
//
// RFC 6238 (TOTP), RFC 6265 (cookies), RFC 9106 (Argon2).
package access
