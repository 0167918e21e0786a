package store

import (
	"hash/maphash"
	"slices"

	"sipward/internal/account"
)

// marked is a row in an order, with its mark beside it: a search goes through marks, which lie one behind the other, and
// looks at the few rows that may match. Two misses of the processor's cache a row were ten times as much as the comparison.
type marked struct {
	mark mark
	row  *row
}

// mark is what a row has, a bit for each thing: all bits of what is sought are in the mark of a row that has it. Those of
// text and ids are few for many things, so a row with the bits must be looked at; state and kind have theirs to themselves.
type mark struct {
	text [2]uint64 // three characters in a row each
	rest uint64
}

// covers reports whether m has all that want has.
func (m mark) covers(want mark) bool {
	return m.text[0]&want.text[0] == want.text[0] && m.text[1]&want.text[1] == want.text[1] && m.rest&want.rest == want.rest
}

// The bits of rest: states and kinds in their order, then ids by their hash.
var (
	statesMarked = [...]account.State{account.Pending, account.Active, account.Disabled}
	kindsMarked  = [...]account.Kind{account.PGSM, account.SNOM}
)

const firstID = len(statesMarked) + len(kindsMarked)

// marker makes the marks of a directory.
type marker struct{ seed maphash.Seed }

func (m marker) of(r *row) mark {
	return mark{textMark(r.text), stateMark(r.state) | kindMark(r.kind) | m.id(string(r.group)) | m.id(string(r.profile))}
}

// sought is the mark that a row of the filter covers; exact: and no other row does.
func (m marker) sought(f Filter) (want mark, exact bool) {
	want = mark{textMark(f.Search), stateMark(f.State) | kindMark(f.Kind) | m.id(string(f.Group)) | m.id(string(f.Profile))}
	exact = f.Search == "" && f.Group == "" && f.Profile == "" && f.Registered == nil && known(f)
	return want, exact
}

// known reports whether state and kind of the filter have bits.
func known(f Filter) bool {
	return (f.State == "" || stateMark(f.State) != 0) && (f.Kind == "" || kindMark(f.Kind) != 0)
}

// textMark has a bit for each three bytes that follow each other; less than three have none.
func textMark(s string) (bits [2]uint64) {
	for i := 0; i+3 <= len(s); i++ {
		h := (uint32(s[i])<<16 | uint32(s[i+1])<<8 | uint32(s[i+2])) * 0x9E3779B1 >> 25 // 7 bits of Knuth's multiplicative hash
		bits[h>>6] |= 1 << (h & 63)
	}
	return bits
}

func stateMark(s account.State) uint64 { return bit(slices.Index(statesMarked[:], s)) }

func kindMark(k account.Kind) uint64 {
	if i := slices.Index(kindsMarked[:], k); i >= 0 {
		return bit(len(statesMarked) + i)
	}
	return 0
}

func (m marker) id(id string) uint64 {
	if id == "" {
		return 0
	}
	return bit(firstID + int(maphash.String(m.seed, id)%uint64(64-firstID)))
}

func bit(i int) uint64 {
	if i < 0 {
		return 0
	}
	return 1 << i
}
