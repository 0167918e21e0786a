// Package outbox sends the messages that carry links: it queues them durably, hands them to the sender of their channel,
// and records what became of them.
//
// Rules. [Outbox.Send] answers when the message is in the store; no gateway is asked meanwhile. One idempotency key is one
// message. A message that is due is claimed with a lease by compare-and-swap, so two nodes never send it at once; a node
// that dies gives it back when the lease ends, so it is sent at least once, each time under the same reference. A gateway
// that does not answer pauses its channel, not each message, and what has waited is sent at once when it is back. Receipts
// come in any order: the status only rises. What was given up stays, with its reason, until a person retries it.
//
// State: all in the store. The content is sealed there, and is forgotten when the gateway has accepted it. The limits per
// recipient and day, and the prefixes that SMS may go to, are checked when a message is queued.
package outbox
