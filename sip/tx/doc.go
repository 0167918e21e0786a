// Package tx is the transaction layer (RFC 3261 section 17, with the corrections of RFC 4320 and RFC 6026), on sipgo's
// exported state machines for INVITE and on a cache of answer bytes for every other method.
//
// Messages of one flow reach the transaction user in their order of arrival (180 before 200). A CANCEL is answered here
// and handed on; its INVITE stays open, so that a 200 which the callee sent meanwhile still goes through (RFC 3261
// section 9.2, 16.10). The ACK of a non-2xx answer ends here; the ACK of a 2xx goes to the user.
//
// Limits: the number of live transactions is capped (Config.Max, sized from the memory limit); past it new requests are
// shed with a stateless 503 and a randomised Retry-After, REGISTER and INVITE first, BYE, ACK, CANCEL and in-dialog
// requests last. A finished non-INVITE transaction over UDP holds its answer for Timer J in about 0.6 KB.
package tx
