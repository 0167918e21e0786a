// Package egress is the one way in which requests leave to addresses that people typed in: webhooks, single sign-on.
//
// Against forged addresses (SSRF) the address that is really dialled is judged, after the name was resolved, so that a name
// which resolves anew does not get around it: no loopback, private, shared, link-local (where clouds keep their metadata),
// multicast, documentation or reserved network, and none of the forms in which IPv6 carries such an IPv4 address. Only
// https, unless private networks are allowed; no proxy of the environment; redirects are not followed. 5 s, 1 MiB.
package egress
