// Package messaging carries secure messages (internal/parcel) to phones: SIP MESSAGE (RFC 3428) over the flow by which the
// phone registered, on this node or, by a link, on another.
//
// A [Courier] works in rounds, one recipient each. A round begins with a lease in the store, so that one node of all
// delivers to a recipient at a time, and sends what waits in the order of its acceptance, the next when the one before is
// answered. A 2xx is the phone's confirmation; 405, 415, 488, 501 and 606 say that the phone cannot, 413 and 513 that it
// will not have this one; everything else, silence for [Config.Answer] included, is a failed try and ends the round.
//
// A try is noted in the lease before it is made, so that no death or lost write doubles it within its pause. A phone that
// registers anew is tried at once and its failures start from none; whether it has is seen from its binding, whose
// registration the last try did not go to, and not from the hint, which may come behind that try.
//
// What begins a round: a message that this node accepted; a REGISTER here of an account for which something waits; a
// change of such an account (it was enabled, its keys were revoked); and a look at the store every second for whatever
// is due: a retry, the end of a message's time, a node that died with its lease. For whom something waits is told by the
// change stream and read anew every 30 s, so a hint that is lost costs time and no message.
//
// State on this node: the recipients for whom something waits, and the rounds under way; all else is in the store. What a
// message says is opened for the moment of its sending and is in no log.
//
// Limits: a phone gets each message over its newest binding; phones of one account that are different instances get each
// of them, and the first that confirms counts.
package messaging
