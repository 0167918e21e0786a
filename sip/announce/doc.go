// Package announce tells a caller by voice why a call cannot be: we are the far end of the call ourselves (a UAS, RFC 3261
// section 12 and 13.3), answer it, play a clip and hang up.
//
// Modes:
//
//	Early   100, 183 with SDP and our To tag (reliably if 100rel is offered, RFC 3262, else repeated over UDP), the clip,
//	        then the refusal with its Reason. Never 180 after 183.
//	Answer  200, after its ACK the clip, then BYE with the same Reason.
//	None    the refusal at once.
//
// An INVITE without SDP gets our offer in the 200, or in a reliable 183; in early mode without 100rel it gets the bare
// refusal. re-INVITE and UPDATE during a clip are answered with the same session; hold stops the sending. CANCEL, BYE and
// the end of the listener's account stop the clip within a frame.
//
// Limits: one announcement at a time for a listener, and Config.PerListener within Config.Window (3 in 10 minutes); past
// them, past the pacer's maximum, or without a free port pair, the bare refusal. No codec or suite in common: 488.
package announce
