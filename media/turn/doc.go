// Package turn is the TURN server (RFC 8656) for phones that do ICE: it lends a phone an address that others can send to,
// also where the phone's network lets no UDP out (TURN over TCP or TLS). It is off unless addresses to listen on are given,
// and most phones never need it: the relay of package media/relay serves them without a word of TURN.
//
// The protocol is pion's; the rules around it are ours:
//
//   - Credentials end by themselves: the user name is the time of their end and the account, the password an HMAC of it under
//     a key of the cluster, so that any node can check one and none is stored (draft-uberti-behave-turn-rest). Whether
//     one is right is found out without asking the store, so strangers cost no look-up.
//   - An account that is not in service gets no allocation (486), and loses those it has: at once when the change arrives
//     ([Server.End]), and by a sweep every 30 s.
//   - An account has so many allocations at a time, and each so many packets a second and direction.
//   - Peers are the open internet, and the networks that the operator allows. No loopback, link-local, private or reserved
//     address, and none of this machine, but for the ports of TURN and of the media relay at the address that candidates
//     name: two phones may meet here. The judgement is made when a permission is asked for (403), and again for each packet,
//     since a permission knows no port.
//   - Streams: a handshake within 10 s, 50 connections an address, 2,000 in all; silence of 10 minutes ends one.
//
// State is in memory: allocations end with the node.
//
// # Limits
//
// Relayed addresses are UDP over IPv4; no relayed TCP (RFC 6062), no reserved pairs of ports (EVEN-PORT), no DTLS. A reader
// per socket and allocation, one system call a packet: for phones that have no other way, not for all of them.
package turn
