package main

import (
	"fmt"
	"slices"
	"strings"
)

// stage is one call of `go test`: its tests, and how many packages run at a time.
type stage struct {
	packages []string
	run      string // -run; empty is every test
	atOnce   int
}

// beside are the packages whose tests of the list compute or wait and whose figures do not mind company; all others run one
// by one, because what they measure is the machine's.
var beside = []string{
	module + "/internal/archtest", module + "/sip", module + "/provisioning", module + "/provisioning/snom", module + "/internal/web",
}

// plan is what a run of the tests up to a tier consists of. Before a release every test runs; else those that stand for an id
// of the list, or for one of only, which is what 20 minutes are enough for.
func plan(items []item, p places, tier int, only []string) []stage {
	if tier > 1 && len(only) == 0 {
		return []stage{{packages: []string{"./..."}, atOnce: 1}}
	}
	var names, alone, company []string
	for _, i := range items {
		if i.tier > tier || len(only) > 0 && !slices.Contains(only, i.id) {
			continue
		}
		for _, t := range p[i.id] {
			names = append(names, t.name)
			if slices.Contains(beside, t.pkg) {
				company = append(company, t.pkg)
			} else {
				alone = append(alone, t.pkg)
			}
		}
	}
	run := "^(" + strings.Join(unique(names), "|") + ")$"
	return slices.DeleteFunc([]stage{
		{packages: unique(alone), run: run, atOnce: 1},
		{packages: unique(company), run: run, atOnce: 2},
	}, func(s stage) bool { return len(s.packages) == 0 })
}

// arguments are those of `go test`. Four tests of a package that allow company run at a time, for most of them wait.
func (s stage) arguments() []string {
	args := []string{"test", "-json", "-tags=accept", "-count=1", "-timeout=90m", "-parallel=4", fmt.Sprint("-p=", s.atOnce)}
	if s.run != "" {
		args = append(args, "-run="+s.run)
	}
	return append(args, s.packages...)
}

func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
