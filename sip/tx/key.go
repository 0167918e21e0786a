package tx

import (
	"hash/maphash"
	"strconv"

	gosip "github.com/emiago/sipgo/sip"
)

// key names a transaction: 128 bits of a keyed hash over what RFC 3261 says must match, so that it holds no piece of
// the message in memory. The seeds are secret and of this process; no one can make two keys meet.
type key [2]uint64

// keyer makes keys and tags.
type keyer struct{ a, b, tags maphash.Seed }

func newKeyer() keyer {
	return keyer{maphash.MakeSeed(), maphash.MakeSeed(), maphash.MakeSeed()}
}

// keyBytes is room on the stack for what is hashed; longer input moves to the heap.
const keyBytes = 384

func (k *keyer) sum(b []byte) key {
	return key{maphash.Bytes(k.a, b), maphash.Bytes(k.b, b)}
}

// server is the key of a request by RFC 3261 section 17.2.3, as if its method were m: an ACK and a CANCEL look for their
// INVITE. ok is false when the request lacks a header that the rule needs.
func (k *keyer) server(f flow, r *gosip.Request, m gosip.RequestMethod) (key, bool) {
	via := r.Via()
	if via == nil {
		return key{}, false
	}
	var room [keyBytes]byte
	b := appendPeer(room[:0], f, m)
	branch, _ := via.Params.Get("branch")
	if !magic(branch) {
		return k.server2543(b, r, via)
	}
	return k.branch(b, branch, via), true
}

// of is the key of the request of method m that has this Via; false where more than the Via is needed.
func (k *keyer) of(f flow, m gosip.RequestMethod, via *gosip.ViaHeader) (key, bool) {
	branch, _ := via.Params.Get("branch")
	if !magic(branch) {
		return key{}, false
	}
	var room [keyBytes]byte
	return k.branch(appendPeer(room[:0], f, m), branch, via), true
}

func appendPeer(b []byte, f flow, m gosip.RequestMethod) []byte {
	b = append(append(b, f.ID()...), 0)
	return append(append(b, m...), 0)
}

func (k *keyer) branch(b []byte, branch string, via *gosip.ViaHeader) key {
	return k.sum(appendSentBy(append(append(b, branch...), 0), via))
}

// server2543 is the fallback for a branch without the cookie: Request-URI, From tag, Call-ID, CSeq number and top Via.
// The To tag is left out: an ACK brings the one of our answer, which the other fields cannot take for another call's.
func (k *keyer) server2543(b []byte, r *gosip.Request, via *gosip.ViaHeader) (key, bool) {
	from, id, cseq := r.From(), r.CallID(), r.CSeq()
	if from == nil || id == nil || cseq == nil {
		return key{}, false
	}
	tag, _ := from.Params.Get("tag")
	branch, _ := via.Params.Get("branch")
	b = append(append(b, r.Recipient.String()...), 0)
	b = append(append(b, tag...), 0)
	b = append(append(b, *id...), 0)
	b = append(strconv.AppendUint(b, uint64(cseq.SeqNo), 10), 0)
	b = append(append(b, branch...), 0)
	return k.sum(appendSentBy(b, via)), true
}

// client is the key of a response or of the request it answers: the top branch and the CSeq's method (RFC 3261 section
// 17.1.3).
func (k *keyer) client(m gosip.Message) (key, bool) {
	via, cseq := m.Via(), m.CSeq()
	if via == nil || cseq == nil {
		return key{}, false
	}
	branch, _ := via.Params.Get("branch")
	if !magic(branch) {
		return key{}, false
	}
	var room [keyBytes]byte
	b := append(append(room[:0], branch...), 0)
	return k.sum(append(b, cseq.MethodName...)), true
}

// tag is the To tag of all our answers in a transaction. It depends on the key alone, so that a request answered
// without state gets the same tag when it is repeated (RFC 3261 section 8.2.7), and cannot be guessed (19.3).
func (k *keyer) tag(id key) string {
	var room [20]byte
	return string(k.appendTag(room[:0], id))
}

// tagged reports whether a tag is that of our answers.
func (k *keyer) tagged(id key, tag string) bool {
	var room [20]byte
	return string(k.appendTag(room[:0], id)) == tag
}

func (k *keyer) appendTag(b []byte, id key) []byte {
	return strconv.AppendUint(b, maphash.Comparable(k.tags, id), 36)
}

// magic reports whether a branch begins with the cookie and goes on.
func magic(branch string) bool {
	return len(branch) > len(gosip.RFC3261BranchMagicCookie) &&
		branch[:len(gosip.RFC3261BranchMagicCookie)] == gosip.RFC3261BranchMagicCookie
}

// appendSentBy appends host, in lower case, and port with the transport's default filled in (RFC 3261 section 18.2.2).
func appendSentBy(b []byte, via *gosip.ViaHeader) []byte {
	for i := range len(via.Host) {
		c := via.Host[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	port := via.Port
	if port <= 0 {
		port = gosip.DefaultPort(via.Transport)
	}
	return strconv.AppendInt(append(b, ':'), int64(port), 10)
}

// Branch returns a fresh branch with the magic cookie (RFC 3261 section 8.1.1.7).
func Branch() string { return gosip.GenerateBranchN(16) }
