// Package proxy is the proxy core (RFC 3261 section 16): it finds the flows of a callee, forks, collects the answers,
// chooses the best and ties everything that follows to the call's dialog.
//
//	Request   a new request between accounts → [Fork] → one branch a binding, by q in groups (parallel within, one
//	          group after the other), answers by section 16.7
//	Inside    a request inside a dialog → the other leg's flow, From and To in the receiver's view
//	Ack       the ACK of a 2xx → the callee's flow
//	Stray     a retransmitted 2xx → the caller's flow, statelessly
//
// A phone is reached over the flow of its binding and in no other way; a flow that is gone takes its binding with it
// (430) and the next one is tried. Refusals of the callee pass through; its challenges (401, 407) are merged and never
// answered by us.
//
// A [Fork] owns its branches without a goroutine of its own: whoever brings an event handles all that wait, one after
// the other, so its state has one owner at a time and nothing is held while a callback runs. It ends with the answer: a
// 2xx that is repeated, or comes of another phone, until Timer M finds what stays of its branch (accepted).
//
// A request inside a dialog whose receiver lost its connection looks for the phone among its account's bindings (Revive).
// SUBSCRIBE and REFER begin dialogs too, so that NOTIFY finds its way back, even before the answer.
//
// What is not done: over UDP a flow never dies, so a phone that moved to another address in a call is found only by its
// own next request; the Contact of a private caller passes, it has the user name.
//
// Limits: Max-Breadth 60 (RFC 5393), ring time 60 s a group (then 480), timer C 180 s without any provisional answer.
package proxy
