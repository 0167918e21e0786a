// Package dialog is the table of live calls (RFC 3261 section 12, seen from a proxy): by the cookie in our Record-Route,
// by account, and by flow. A [Dialog] begins when an INVITE is forwarded, so early calls are known too, and knows each
// leg well enough to end the call from the middle: CANCEL the branches while it is early, else BYE to both legs, each
// with its own CSeq, route set and remote target.
//
// Each [Leg] remembers how its phone names itself and its peer. A request that crosses the dialog is rewritten to the
// receiver's view, which keeps the caller's identity ours from end to end although the phones send what they like.
//
// The cookie is 96 random bits and an 80-bit HMAC under a cluster key: an in-dialog request without a cookie of a dialog
// we hold is not relayed (481).
//
// A SUBSCRIBE, or a REFER outside of a call, makes a dialog without a call, so that its NOTIFYs pass; a REFER within a
// call keeps the call's dialog for the NOTIFYs that come after the BYE of a transfer. Both end with their expiry.
//
// Limits: an account places at most Config.PerCaller calls at a time on one node; a confirmed dialog of which nothing was
// heard for MaxIdle (24 h), or whose flows are all gone for 32 s, is dropped. The table keeps about 2 KB a call.
package dialog
