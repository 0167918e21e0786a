package main

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

//go:embed list.tsv
var listText string

// item is one entry of the acceptance list.
type item struct {
	id   string // L1 … O4
	tier int    // 0 every commit, 1 a run of minutes, 2 before a release
	what string // what must hold
}

// group is the letter of the id.
func (i item) group() string { return i.id[:1] }

// groups are the letters in the list's order, with their names.
var groups = []struct{ letter, name string }{
	{"L", "Load"}, {"F", "Faults"}, {"B", "Bad input"}, {"A", "Attackers"}, {"P", "Provisioning"}, {"K", "Keys"}, {"O", "Operation"},
}

func readList() ([]item, error) {
	var list []item
	for n, line := range strings.Split(strings.TrimSpace(listText), "\n") {
		f := strings.Split(line, "\t")
		if len(f) != 3 {
			return nil, fmt.Errorf("list.tsv:%d: want id, tier and text, separated by tabs", n+1)
		}
		tier, err := strconv.Atoi(f[1])
		if err != nil {
			return nil, fmt.Errorf("list.tsv:%d: tier %q is not a number", n+1, f[1])
		}
		list = append(list, item{id: f[0], tier: tier, what: f[2]})
	}
	return list, nil
}
