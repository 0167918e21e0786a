// Package licenceproxy stands between the phones and the vendor's licence server: a phone asks us, we ask the vendor,
// and what the vendor signed is kept and served, byte for byte, also while the vendor does not answer. The protocol on
// both sides is docs/licence.md.
//
// Rules. The account's state is asked before the cache: a disabled account gets 403 whatever is cached. A document is
// verified before it is cached, and again whenever it is read from the store; one that does not verify, or belongs to
// another account or product, or is older than one seen before, is an alarm and never served. Nothing is served past
// the document's own end, or past stale plus grace. A refusal by the vendor counts for some minutes; a failure counts
// for nothing, it only keeps everybody from asking again for half a minute.
//
// Who asks the vendor. Requests for one account and product share one flight in this process, and a short claim in the
// store lets one node fetch while the others wait for what it finds. A phone whose document may still be served never
// waits: it gets the document and the flight goes on behind it. A circuit breaker ends the asking when the vendor is
// away altogether.
//
// State: what was read from the store, verified, and is believed for some seconds (or as long as the store is away and
// the document lasts), for a bounded number of accounts. Everything else is in the store.
package licenceproxy
