// Package hooks tells other systems what changes: webhooks after the Standard Webhooks specification, for superadmins to
// set up, with a log of what was delivered.
//
// Every node follows the change stream and notes a delivery for each hook that wants the topic, under an id made of hook
// and event: so it is noted once whoever comes first, and survives a node. Any node sends what is due: six retries over
// eighteen hours, then it is given up and a person can send it again. A delivery says what changed, not what it is now:
// the receiver reads that with its own token, and so with its own rights. Requests leave by package egress alone.
package hooks
