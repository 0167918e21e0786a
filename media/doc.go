// Package media plays clips to phones: it knows WAV, codecs, SDP, RTP and SRTP, and no SIP.
//
// A [Clip] is a WAV file (PCM, 8 to 48 kHz, 8, 16 or 24 bit, mono or stereo, at most 60 s and 16 MiB) decoded once with
// go-audio/wav and encoded once into every codec we speak (PCMU and PCMA, G.711; G.722), as 20 ms frames that all
// streams share. The [Library] holds them by language and prompt: those shipped in the binary, overridden by uploads.
//
// [Negotiate] answers an SDP offer (RFC 3264, RFC 8866) with RTP/AVP or, by SDES (RFC 4568), SRTP: a RTP/SAVP offer is
// never answered with clear RTP. [Ports] leases even RTP and odd RTCP ports. One [Pacer] per core sends every stream's
// frame on an absolute 20 ms schedule with sendmmsg, without an allocation per packet.
//
// No packet goes to an address other than the signalling source until RTP has come from the signalling host
// (authenticated when SRTP), so that nobody can aim an announcement at a third party.
package media
