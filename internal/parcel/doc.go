// Package parcel is the secure message as the server knows it: an opaque body on its way from one account to another,
// kept until the recipient's phone has it. In the code it is a parcel, because internal/message are the SMS and e-mails
// that carry links.
//
// The body is sealed as soon as it is taken in and opened only to be written to the recipient's phone; it is no part of
// the parcel's record, so no list, log or export can hold it. [Post] is the one door for HTTPS and SIP: it judges sender,
// recipient and payload, and hands over to the store, which judges the recipient once more on the truth.
//
// A parcel waits at most 72 hours (Config.Keep). While the recipient is online and its phone does not take it, it is tried
// [Tries] times, [Pause] apart; after that, and while the phone is away, it waits for the next registration. Parcels
// to one recipient are delivered in the order in which they were accepted. A crash between a phone's answer and its being
// noted delivers a parcel twice under the same id, by which the phone tells; none is lost that was accepted.
//
// Limits: no groups, no attachments; what is on its way when keys are revoked ends as INVALID_DEVICE, because it was
// encrypted for a key that nobody should have any more.
package parcel
