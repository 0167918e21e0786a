package messaging

import (
	"hash/fnv"
	"slices"
	"strconv"

	"sipward/internal/location"
	"sipward/internal/parcel"
)

// registration tells one REGISTER from every other of a recipient's phones, the refreshes of the same one too (RFC 3261
// section 10.2.4: one Call-ID, CSeq counts up). It is short because the lease keeps it.
func registration(b location.Binding) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(strconv.AppendUint([]byte(b.CallID+" "), uint64(b.CSeq), 10)) // a hash never fails
	return h.Sum64()
}

// unmet reports whether a phone has registered since the last try: whether one of the targets is there by a registration
// which that try did not go to. It is read from the bindings and not from the hint that began the round, for the hint
// comes after the answer to the REGISTER, when the phone may have been tried already.
func (v *visit) unmet() bool {
	return slices.ContainsFunc(v.targets, func(t target) bool {
		return !slices.Contains(v.lease.Met, registration(t.binding))
	})
}

// note counts a try before it is made, so that a round that dies in it, or cannot write its end, leaves no second one
// within the pause.
func (v *visit) note() {
	v.lease.Tries++
	v.lease.Next = v.c.deps.Now().Add(parcel.Pause).UTC()
	v.lease.Met = v.lease.Met[:0:0]
	for _, t := range v.targets {
		v.lease.Met = append(v.lease.Met, registration(t.binding))
	}
}
