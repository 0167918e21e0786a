// Package archtest holds the tests that keep the architecture: who may import whom, who is the only user of a library,
// and the habits every package keeps (ARCHITECTURE.md has the table in prose). It has no code of its own.
//
// A rule that matches nothing fails, so that a package which is renamed or removed takes its rule along; a package that
// no rule places fails too, so that a new one is placed on purpose.
package archtest
