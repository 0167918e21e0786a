package transport

import "errors"

// fault is why a message is refused: the status to answer a request with, its phrase, a short word for metrics, and the
// seconds after which the sender may try again, 0 for none.
type fault struct {
	code   int
	phrase string
	kind   string
	after  int
}

// Error is the text of the fault; it never quotes the message.
func (f *fault) Error() string { return "transport: " + f.phrase }

func bad(phrase string) *fault {
	return &fault{code: 400, phrase: "Bad Request - " + phrase, kind: "malformed"}
}

// The faults of sizes and of the version have statuses of their own (RFC 3261 sections 21.4.11, 21.5.6, 21.5.7).
func tooLarge(phrase string) *fault {
	return &fault{code: 513, phrase: "Message Too Large - " + phrase, kind: "size"}
}

func bodyTooLarge() *fault {
	return &fault{code: 413, phrase: "Request Entity Too Large", kind: "size"}
}

func badVersion() *fault { return &fault{code: 505, phrase: "Version Not Supported", kind: "version"} }

// Why a flow ended, for Handler.Closed and logs.
var (
	errClosed    = errors.New("transport: closed by us")
	errIdle      = errors.New("transport: idle too long")
	errSlowHead  = errors.New("transport: header not complete in time")
	errSlowBody  = errors.New("transport: message not complete in time")
	errSlowPeer  = errors.New("transport: the peer does not read")
	errGone      = errors.New("transport: the peer does not acknowledge what we send")
	errMalformed = errors.New("transport: malformed message")
	errBanned    = errors.New("transport: source is banned")
	errShutdown  = errors.New("transport: shutting down")
	errTooBig    = errors.New("transport: message larger than its socket can send")
	errInjected  = errors.New("transport: a value with CR or LF in a message of ours was stopped")
	errNotReady  = errors.New("transport: the flow cannot send now")
)
