// Package snom provisions SNOM desk phones: it answers their fetches with XML that makes one line with TLS and SRTP, keeps
// the list of phones and of those that wait to be entered, logs every fetch, and tells a phone to fetch anew.
//
// A phone proves itself by the token in its address (/p/TOKEN/…, 128 bits, stored hashed) or by its factory certificate
// (/p/…, CN = MAC, issued by tls.snom_ca). Which request gets what is the table in decide.go, row by row; without a proof
// every guess gets the same answer, and a source that goes on guessing is slowed down, while a proven phone behind the
// same address is served. A phone that may fetch gets the account's password itself, which is why that is sealed under a
// ring of its own, for accounts with a desk phone only, and made anew when the first phone is given the account.
//
// A pending account turns active when its phone fetches its configuration. A disabled one gets a configuration without
// identities, so that the old secrets leave the phone. The document is made by an XML encoder; identities 2 to 12 are
// switched off, so that none of a former owner stays.
//
// PnP (opt-in): SUBSCRIBE by multicast is answered with the address to fetch, for known phones on allowed networks only.
// Limits: 500 waiting phones, 10,000 lines of log, 250 entries in the phone book.
package snom
