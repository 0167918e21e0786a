// Package webhook holds the nouns of webhooks: who is told of which changes, what was told, and the signature of Standard
// Webhooks (standardwebhooks.com, specification 1). No I/O.
package webhook
