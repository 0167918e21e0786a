package dialog

import (
	"slices"

	"sipward/sip/transport"
)

// Crossing is a request on its way through a dialog: who sent it and who is to get it. Both are copies.
type Crossing struct{ From, To Leg }

// Cross finds both legs of an in-dialog request by its tags; false when they are not this dialog's, or it is over. It
// changes nothing: whether the sender is who it says is yet to be found out.
func (d *Dialog) Cross(fromTag, toTag string) (Crossing, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	from, to := d.legs(fromTag, toTag)
	if from == nil || to == nil || d.state == Ended && !d.table.config.Now().Before(d.until) {
		return Crossing{}, false
	}
	return Crossing{From: *from, To: *to}, true
}

// Heard notes that a request with this CSeq has crossed the dialog.
func (d *Dialog) Heard(x Crossing, cseq uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if from, to := d.legs(x.From.Tag, x.To.Tag); from != nil && to != nil {
		from.CSeq, to.Seen = max(from.CSeq, cseq), max(to.Seen, cseq)
	}
	d.heard = d.table.config.Now()
}

func (d *Dialog) legs(fromTag, toTag string) (from, to *Leg) {
	if fromTag == d.caller.Tag {
		return &d.caller, d.callee(toTag)
	}
	if toTag == d.caller.Tag {
		return d.callee(fromTag), &d.caller
	}
	return nil, nil
}

func (d *Dialog) callee(tag string) *Leg {
	for i := range d.callees {
		if d.callees[i].Tag == tag {
			return &d.callees[i]
		}
	}
	return nil
}

// FromCaller reports whether the sender of a crossing is the caller.
func (d *Dialog) FromCaller(x Crossing) bool { return x.From.Tag == d.caller.Tag } // a tag never changes

// Callee is the tag by which Leave knows the callee of a crossing.
func (d *Dialog) Callee(x Crossing) string {
	if d.FromCaller(x) {
		return x.To.Tag
	}
	return x.From.Tag
}

// Move notes that the leg with this tag is now reached over another flow, or by another Contact or registered contact; zero values leave it.
func (d *Dialog) Move(tag string, to Leg) {
	d.mu.Lock()
	defer d.mu.Unlock()
	leg := d.callee(tag)
	if tag == d.caller.Tag {
		leg = &d.caller
	}
	if leg == nil {
		return
	}
	if to.Flow != nil {
		leg.Flow = to.Flow
	}
	if to.Target.Host != "" {
		leg.Target = to.Target
	}
	if to.Bound.Host != "" {
		leg.Bound = to.Bound
	}
}

// Await notes a phone that a SUBSCRIBE or REFER has gone to: its NOTIFY may come before its answer, and brings the tag.
func (d *Dialog) Await(leg Leg) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.awaited = append(d.awaited, leg)
}

// Adopt enters the leg of an awaited phone that sent a NOTIFY over its flow (RFC 6665 section 4.4.1).
func (d *Dialog) Adopt(f *transport.Flow, tag, toTag string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.IndexFunc(d.awaited, func(l Leg) bool { return l.Flow.ID() == f.ID() })
	if i < 0 || tag == "" || toTag != d.caller.Tag {
		return false
	}
	leg := d.awaited[i]
	leg.Tag = tag
	d.awaited = slices.Delete(d.awaited, i, i+1)
	if d.callee(tag) == nil {
		d.callees = append(d.callees, leg)
	}
	return true
}
