// Package licence holds the nouns of licensing: the document a vendor signs, the keys that verify it, the entry under
// which it is cached, and the rule that says how fresh it is. It does no I/O.
//
// A document is a JWS in compact form (RFC 7515 section 3.1) signed with Ed25519 (RFC 8037). Its bytes are kept and
// served as they came. Nothing of it is believed before [Keys.Verify] has accepted it, and its own end is never
// exceeded, whatever is cached or configured.
//
//	age since the vendor last gave or confirmed it
//	0 ........ fresh ........ stale ........ stale+grace
//	  Fresh            Stale          Grace             Ended      and Ended from the document's own end on
package licence
