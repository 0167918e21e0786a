package tx

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The heap against a plain list: random setting, moving and unsetting, then all come out in order.
func TestAlarmsComeInOrder(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var h alarms
		all := make([]alarm, 60)
		for range 300 {
			a := &all[rnd.IntN(len(all))]
			if rnd.IntN(3) == 0 {
				h.unset(a)
				continue
			}
			h.set(a, rnd.Int64N(1000))
		}
		var due, got []int64
		for i := range all {
			if all[i].slot != 0 {
				due = append(due, all[i].at)
			}
		}
		slices.Sort(due)
		for len(h) > 0 {
			got = append(got, h[0].at)
			h.unset(h[0])
		}
		if !slices.Equal(got, due) {
			t.Fatalf("came out as %v, want %v", got, due)
		}
	}
}
