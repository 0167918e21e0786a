// Package relay forwards the media of calls between two phones that cannot reach each other: RTP and RTCP, encrypted or
// not, which it never decrypts. It knows no SIP: whoever does hands it each session description on its way, and gets back
// what the receiver is to see ([Call.Pass]).
//
// A [Call] has a stream for each m= line, a stream has two sides, and each side has a pair of ports of its own, so that
// what comes from one phone leaves by the port that the other one knows (symmetric RTP). Descriptions are rewritten where
// they name addresses and nowhere else: c=, the port of m=, a=rtcp. ICE is taken out, since a phone whose peer does no ICE
// does none; or its candidates stay, and ours is the last of them and what c= and m= name, so that phones that find a way
// of their own use that, and a phone without ICE comes here. Codecs, keys, fingerprints and ZRTP hashes pass untouched.
//
// # Who is heard
//
// Behind a NAT the address in a description says nothing; a packet does, when it proves itself:
//
//   - where both descriptions carry SDES keys, a packet from a new source is taken when its SRTP or SRTCP tag verifies
//     under a key of that side and it is newer than all before it: a copy of an old packet moves nothing. The rollover
//     counter (RFC 3711 section 3.3.1) is tracked, and moved only by packets that verify. So a phone that changes its
//     network keeps its call with the first packet it sends from there.
//   - else (clear RTP, ZRTP, DTLS) a packet is taken only from the host that the side's signalling comes from: from the
//     very address in its description, or two in sequence, or a ZRTP or DTLS handshake. Once somebody is found that is
//     the end of it, until a description with another address opens a window of 5 s, or the source has been silent for 2 s
//     and the same stream goes on from another port of the host: a NAT that has forgotten its mapping.
//
// Connectivity checks of ICE are proved by the passwords in the descriptions (RFC 8445 section 7); they find a phone where
// nobody was found yet, or has been silent for 2 s.
//
// Nothing is sent to an address in a description that is not the signalling host, before a packet has proved it; so nobody
// can aim a call at a third party. What comes from the source that was found is forwarded unread: whoever can forge its
// address can also send to the phone itself, which judges every packet.
//
// What clear RTP cannot do is tell two senders behind one address apart: who shares the phone's NAT, and is faster than
// the phone, can take its place.
//
// # How it runs
//
// One reader per core waits for its calls' sockets by an epoll of its own, which itself is in the runtime's poller, and takes
// what has arrived, one packet or up to 32 in a system call, and sends it on in another; nothing is allocated and no
// goroutine starts for a packet or a call. A stream's state is under its own lock, which its reader and whoever brings a
// description take; the system calls under it never block.
//
// A phone that was found gets a second socket of its port, connected to it: the kernel keeps the route, and what strangers
// send waits in the first one, so that a flood takes no room from the call.
//
// # Limits
//
// Linux only; IPv4 or IPv6 as the ports are bound. 4 streams a call, so 4 ports for audio and 4 more for each further
// line; with rtcp-mux half of them stay idle. 500 packets a second and direction for audio, 5,000 else, each of at most
// 2,048 bytes. About 9 KB a call, and six descriptors a stream; the four of its ports rest for 30 s after it.
package relay
