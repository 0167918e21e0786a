package transport

import gosip "github.com/emiago/sipgo/sip"

// partParams is how many parameters the addresses and the top Via of nearly every message have together.
const partParams = 10

// parts are the typed headers of one message in one allocation: a message has most of them, and all live as long as it.
// A second Via and what exceeds partParams are allocated by themselves.
type parts struct {
	via      gosip.ViaHeader
	from     gosip.FromHeader
	to       gosip.ToHeader
	callID   gosip.CallIDHeader
	cseq     gosip.CSeqHeader
	forwards gosip.MaxForwardsHeader
	length   gosip.ContentLengthHeader

	viaTaken bool
	taken    int // of params
	params   [partParams]gosip.HeaderKV
}

// nextVia is room for one more Via.
func (p *parts) nextVia() *gosip.ViaHeader {
	if p.viaTaken {
		return &gosip.ViaHeader{}
	}
	p.viaTaken = true
	return &p.via
}

// room is an empty list with room for n parameters; more make a list of their own, as with any slice.
func (p *parts) room(n int) gosip.HeaderParams {
	if p.taken+n > len(p.params) {
		return make(gosip.HeaderParams, 0, n)
	}
	list := p.params[p.taken : p.taken : p.taken+n]
	p.taken += n
	return list
}
