package proxy

import (
	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/dialog"
	"sipward/sip/header"
	"sipward/sip/transport"
)

// join enters a call into the table, with the way of its media when it has one.
func (f *Fork) join() error {
	way, err := f.core.way(f.call, f.groups)
	if err != nil {
		return err
	}
	f.dialog, err = f.core.deps.Dialogs.Begin(f.record(), f.callerLeg(), way, f.end, parties(f.call)...)
	if err != nil {
		return ErrTooMany.Because(err)
	}
	return nil
}

// way asks for the way of a call's media, before anybody rings.
func (c *Core) way(call *Call, groups [][]target) (dialog.Media, error) {
	if c.deps.Media == nil {
		return nil, nil
	}
	var to []*transport.Flow
	for _, g := range groups {
		for _, t := range g {
			to = append(to, t.flow)
		}
	}
	return c.deps.Media(*call, to)
}

// carry puts the body into a message that the receiver is to get, and returns the message. m is the copy that goes out.
func carry[M interface {
	header.Message
	Body() []byte
	SetBody([]byte)
}](d *dialog.Dialog, fromCaller bool, from, to *transport.Flow, m M) M {
	if d == nil || len(m.Body()) == 0 {
		return m
	}
	if res, ok := any(m).(*gosip.Response); ok && res.StatusCode >= 300 { // what it describes is no answer (RFC 3261 section 21.4.26)
		return m
	}
	p := dialog.Passage{FromCaller: fromCaller, From: from, To: to, Message: m, Body: m.Body()}
	if body := d.Pass(p); len(body) != len(p.Body) || &body[0] != &p.Body[0] {
		m.SetBody(body)
	}
	return m
}
