package redis

import (
	"strconv"
	"testing"

	"sipward/internal/store/kv"
)

func TestGroupsKeepOrderAndBound(t *testing.T) {
	t.Parallel()
	all, mine := kv.Key{Tag: "t", Name: "all"}, kv.Key{Tag: "t", Name: "mine"}
	var adds []kv.IndexAdd
	for i := range mostTogether + 1 {
		adds = append(adds, kv.IndexAdd{Index: all, Member: strconv.Itoa(i)})
		if i%2 == 0 {
			adds = append(adds, kv.IndexAdd{Index: mine, Member: strconv.Itoa(i)})
		}
	}
	got := groups(adds)
	if len(got) != 3 || got[0].index != all || got[1].index != mine || got[2].index != all {
		t.Fatalf("groups of the wrong indexes: %d", len(got))
	}
	if len(got[0].adds) != mostTogether || got[2].adds[0].Member != strconv.Itoa(mostTogether) {
		t.Errorf("the first group has %d members, the last begins with %s", len(got[0].adds), got[2].adds[0].Member)
	}
}
