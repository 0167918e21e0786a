// Package incident is what a SIP node sees of those who have no business there, and of accounts that do what they may
// not: what happened, from where, in whose name. It is told to people who watch (a SIEM), never to the peer.
//
// Who sees one tells it by a function that never blocks ([Gatherer.Tell]): a node without a watcher has none, and pays
// nothing. The Gatherer makes one [Report] of all incidents of a kind from one source within [Window]; those of an account
// that has proved itself are one by account, too. So a flood is one report with a count.
//
// Limits: [Most] reports of a kind within a window; what more there is, of other sources, is one report without a source,
// with its count. A report waits as long as the [Sink] has no room and goes on counting. An IPv6 source is its /64, which
// one host can use as it likes; the report names the address that was first. No password, digest or nonce is in an
// incident; what a peer wrote is cut, and freed of what is not printable.
package incident
