// Package trace is what is recorded of the SIP messages of one account for a limited time, because an operator asked for
// it: who asked, until when, how much, and the messages with every secret taken out.
//
// Rules: a message is cleaned ([Clean]) before it leaves the node that saw it, so no secret of it is ever stored or shown.
// Whose message it is, is read from its text ([Read]): From, To, the credentials' user name, and the Call-ID of what
// matched before. That is not proof: a stranger who writes the account's number into From is recorded too, which is what
// an operator who looks for a wrong password wants to see.
//
// Limits: one trace an account, [MostTraces] at a time, [Most] messages and [MostBytes] in all of one, [LongestMessage] of a
// message; it ends by itself ([Longest] at the latest), and [Keep] after its end nothing of it is left.
//
// RFC 3261 (messages), RFC 4568 and 4567 (keys in descriptions). Only the standard library.
package trace
