package dialog

import (
	"sipward/internal/call"
	"sipward/sip/header"
	"sipward/sip/transport"
)

// Media is the way of a call's media through this node.
type Media interface {
	// Begin is called before the call is in the table; end ends it from the middle.
	Begin(end func(Reason))
	// Answered is called when the call is up.
	Answered()
	// Pass returns the body of a message as its receiver is to get it.
	Pass(p Passage) []byte
	// End is called when the call has ended, or did not begin; it may add to what is known of it.
	End(r *call.Record)
}

// Passage is a message with a body on its way through a call.
type Passage struct {
	FromCaller bool
	From, To   *transport.Flow
	Message    header.Message
	Body       []byte
}

// Up says that the call is answered.
func (d *Dialog) Up() {
	if d.media != nil {
		d.media.Answered()
	}
}

// Pass returns the body of a message as the receiver is to get it: as it is, when the media flows between the phones.
func (d *Dialog) Pass(p Passage) []byte {
	if d.media == nil {
		return p.Body
	}
	return d.media.Pass(p)
}
