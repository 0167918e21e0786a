package proxy

import (
	"slices"
	"strings"

	"sipward/sip/dialog"
)

// maxFarewells is how many answers of one branch are hung up. Each BYE is a transaction of 32 s towards a phone that
// answers what nobody wants: it must not be able to make as many of them as it sends packets.
const maxFarewells = 8

// farewells are the To tags of a branch's answers that were hung up. Not safe for concurrent use.
type farewells []string

// say hangs an answer up; one that is repeated is acknowledged again, so that it ends.
func (w *farewells) say(t *dialog.Table, callID string, callee dialog.Leg, fromTag string) {
	switch {
	case slices.Contains(*w, callee.Tag):
		t.Acknowledge(callID, callee, fromTag)
	case len(*w) < maxFarewells:
		*w = append(*w, strings.Clone(callee.Tag)) // not the whole message
		t.HangUp(callID, callee, fromTag)
	}
}
