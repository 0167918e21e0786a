package tx

import "errors"

// The ends of a client transaction without a final answer.
var (
	ErrTimeout   = errors.New("tx: no answer in time") // 408
	ErrTransport = errors.New("tx: the flow is gone")  // 430 towards a flow of a registration, else 503
	ErrAnswered  = errors.New("tx: already answered")
)
