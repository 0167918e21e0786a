package redis

import "sipward/internal/store/kv"

// mostTogether is how many members one ZADD takes: Lua's unpack has a limit near 8000 values.
const mostTogether = 1000

// group is the members that one ZADD adds to an index.
type group struct {
	index kv.Key
	adds  []*kv.IndexAdd
}

// groups puts additions to the same index together, in the order of their first one: a batch of records adds each to an
// index of all.
func groups(adds []kv.IndexAdd) []group {
	list := make([]group, 0, len(adds))
	open := make(map[kv.Key]int, len(adds)) // the group of an index that takes more
	for i := range adds {
		a := &adds[i]
		at, ok := open[a.Index]
		if !ok || len(list[at].adds) == mostTogether {
			at = len(list)
			open[a.Index] = at
			list = append(list, group{index: a.Index})
		}
		list[at].adds = append(list[at].adds, a)
	}
	return list
}
