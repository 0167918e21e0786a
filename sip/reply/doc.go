// Package reply turns errors into SIP failures. A refusal is an error that knows its own status ([Error]); the
// sentinels of internal/account and the store are mapped here and nowhere else; anything unknown becomes 503 (the store
// is away) or 500, is logged with its cause and never shown to the peer.
package reply
