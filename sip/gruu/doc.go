// Package gruu makes and reads globally routable user agent URIs (RFC 5627): addresses that lead to one phone of an
// account, whoever calls them and from wherever.
//
//	public     sip:1002@example.com;gr=urn:uuid:…   the number and the phone's instance; as lasting as both
//	temporary  sip:tgruu.AbC…@example.com;gr        tells nothing of account or phone; each registration makes new ones,
//	                                                and all of them hold until the phone registers anew from its start
//
// A temporary one carries what it means, sealed under a key that all nodes share (RFC 5627 appendix A.2), so nothing is
// stored. It names the account, the instance and the Call-ID of the registrations that made it: a phone that begins with
// another Call-ID, or has no binding any more, leaves them void (section 5.2).
package gruu
