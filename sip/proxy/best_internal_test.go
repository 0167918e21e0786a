package proxy

import (
	"testing"
)

// The order of RFC 3261 section 16.7 step 6; white-box, because it takes a dozen phones to see it from outside.
func TestRank(t *testing.T) {
	t.Parallel()
	best := []int{603, 302, 407, 486, 404, 480, 408, 500, 503}
	for i := 1; i < len(best); i++ {
		if rank(best[i-1]) >= rank(best[i]) {
			t.Errorf("%d is not better than %d", best[i-1], best[i])
		}
	}
}
