package tx

import "errors"

// The ends of a client transaction without a final answer, and what Respond may refuse.
var (
	ErrTimeout   = errors.New("tx: no answer in time") // 408
	ErrTransport = errors.New("tx: the flow is gone")  // 430 towards a flow of a registration, else 503
	ErrAnswered  = errors.New("tx: already answered")
	ErrShape     = errors.New("tx: a header value has a line end in it: nothing is sent")
	ErrBranch    = errors.New("tx: the top Via needs a branch of its own: take one from tx.Branch")
)
