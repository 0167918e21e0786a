package audit

import (
	"encoding/json"
	"fmt"
)

// Fault is one thing wrong with the log.
type Fault struct {
	Chain string `json:"chain"`
	Seq   uint64 `json:"seq"`
	What  string `json:"what"`
}

// Checker walks one chain, entry by entry from its beginning.
type Checker struct {
	chain  string
	seq    uint64 // of the entry before
	hash   string
	Faults []Fault
}

// NewChecker starts behind the entry seq with that hash; 0 and "" is the very beginning.
func NewChecker(chain string, seq uint64, hash string) *Checker {
	return &Checker{chain: chain, seq: seq, hash: hash}
}

func (c *Checker) fault(seq uint64, format string, args ...any) {
	c.Faults = append(c.Faults, Fault{Chain: c.chain, Seq: seq, What: fmt.Sprintf(format, args...)})
}

// Missing notes that the next entry is not there.
func (c *Checker) Missing(seq uint64) {
	c.fault(seq, "the entry is missing")
	c.seq, c.hash = seq, "" // what follows cannot be bound to it
}

// Next checks one line.
func (c *Checker) Next(l Line) {
	var e Entry
	if err := json.Unmarshal(l.Entry, &e); err != nil {
		c.fault(c.seq+1, "the entry cannot be read")
		c.seq, c.hash = c.seq+1, ""
		return
	}
	want := c.seq + 1
	switch {
	case e.Seq != want && e.Chain == c.chain && e.Seq > want:
		for ; want < e.Seq; want++ {
			c.fault(want, "the entry is missing")
		}
		c.hash = ""
	case e.Seq != want || e.Chain != c.chain:
		c.fault(want, "another entry (%s %d) stands in its place", e.Chain, e.Seq)
	}
	if got := hashOf(l.Entry); got != l.Hash {
		c.fault(want, "the entry was changed")
	} else if c.hash != "" && e.Prev != c.hash || want == 1 && e.Prev != "" {
		c.fault(want, "the entry does not follow the one before it: one of them was changed or replaced")
	}
	c.seq, c.hash = want, l.Hash
}

// End checks that the chain ends where its head says.
func (c *Checker) End(h Head, k Keys) {
	if !k.Holds(h) {
		c.fault(h.Seq, "the chain's head is not one that this server made")
	}
	if c.seq != h.Seq || c.hash != h.Hash && c.hash != "" {
		c.fault(h.Seq, "the chain ends at %d, its head says %d: entries at the end were removed or changed", c.seq, h.Seq)
	}
}

// Last is where the checker stands.
func (c *Checker) Last() (seq uint64, hash string) { return c.seq, c.hash }
