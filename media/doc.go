// Package media plays clips to phones: it knows WAV, codecs, SDP, RTP and SRTP, and no SIP.
//
// A [Clip] is a WAV file (PCM, 8 to 48 kHz, 8, 16 or 24 bit, mono or stereo, at most 60 s and 16 MiB) decoded with
// go-audio/wav and encoded once, when it is first played, into every codec we speak (PCMU and PCMA, G.711; G.722), as
// 20 ms frames that all streams share. The [Library] holds them by language and prompt: those shipped in the binary,
// overridden by uploads. Opus is not spoken.
//
// A [Session] is what offer and answer agree on (RFC 3264, RFC 8866): [Negotiate] answers, [Offer] offers. Media is
// RTP/AVP or, by SDES (RFC 4568), SRTP (RFC 3711, RFC 6188, RFC 7714), with RTP/SAVP or as RTP/AVP with keys. An
// RTP/SAVP offer is never answered with clear RTP, keys are used only when the signalling is encrypted, and each session
// has its own from crypto/rand. [Ports] leases even RTP and odd RTCP ports; a released pair stays bound and deaf for 30 s.
// The [Pacer] sends on an absolute 20 ms schedule without an allocation per packet, with RTCP reports and BYE (RFC 3550).
// A [Recorder] is the ear of our own phone.
//
// # Who hears it
//
// No packet goes to an address other than the signalling source until RTP has come from the signalling host
// (authenticated when SRTP; else two packets in sequence with the right payload type), so that nobody can aim an
// announcement at a third party. The first to prove itself stays the destination until a re-negotiation. What clear RTP
// cannot do is tell two senders behind one address apart: who shares the phone's NAT and guesses its port can take over
// an announcement that goes to an address the phone never sent from.
//
// # One port per stream
//
// Each stream has its own port, and sends by one send(2) per packet on a socket connected to the phone. The rival is one
// port shared by many streams, where sendmmsg takes a batch. Kernel CPU time per stream-second (50 packets of 172 bytes,
// loopback, receive path included, 1,000 streams, one core of a 2-core EPYC VM):
//
//	shared socket, sendmmsg of 8 to 256        200 to 230 us
//	own socket, connected, send                225 to 255 us
//	own socket, sendto                         260 to 285 us
//
// The shared port saves a tenth of that, and costs more than it saves: phones send while they listen, 50 packets a second
// each. On a shared port all of them have to be read to find the one packet that a new stream waits for, about 1 us
// each; on its own, a settled stream's socket is never read again and keeps a buffer of two packets, so that the kernel
// drops the rest. And a shared port cannot tell two phones behind one NAT apart when both still have to prove where they
// are. The whole pacer needs 265 to 310 us per stream-second, 365 to 455 us with AES_CM_128_HMAC_SHA1_80, at 1,000 to
// 2,000 streams per core (BenchmarkStreams; the machine was not idle).
//
// Until a phone has proved where it is, its packets may come from elsewhere than the SDP says, which a connected socket
// would not hear. So a second socket of the same port is connected, and the first one hears everybody else. The pacer
// looks at it by itself, often at first and then twice a second; the sockets are not in Go's poller, which every packet
// of every phone would wake.
//
// # Time
//
// 20 ms are 10 slots. A stream keeps its slot, so its spacing is exact and a core's streams do not leave in one burst;
// slots are filled one after the other, 128 streams each, since each one in use wakes the goroutine once per 20 ms. A
// goroutine that is late catches up, for at most 1 s.
//
// # Limits
//
// Linux only. SDP: 64 KiB, 32 media lines. A clip waits 5 s for somebody to send to, and 60 s on hold. 5,000 streams
// unless told otherwise. Three descriptors per stream, two per resting pair.
package media
