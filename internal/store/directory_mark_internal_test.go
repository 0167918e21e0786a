package store

import (
	"fmt"
	"hash/maphash"
	"testing"

	"pgregory.net/rapid"

	"sipward/internal/account"
)

// Whatever a filter finds by looking at the rows, the marks let through; and where they are exact, nothing else.
func TestMarksHideNothing(t *testing.T) {
	t.Parallel()
	m := marker{maphash.MakeSeed()}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("abc01\näß")), 0, 30, -1)
		ids := rapid.SampledFrom([]string{"", "a", "b", "c"})
		r := &row{
			text: text.Draw(t, "text"), group: account.GroupID(ids.Draw(t, "group")), profile: account.ProfileID(ids.Draw(t, "profile")),
			state: rapid.SampledFrom(statesMarked[:]).Draw(t, "state"), kind: rapid.SampledFrom(kindsMarked[:]).Draw(t, "kind"),
		}
		f := Filter{
			Search: rapid.OneOf(part(r.text), text).Draw(t, "search"), Group: account.GroupID(ids.Draw(t, "of group")), Profile: account.ProfileID(ids.Draw(t, "of profile")),
			State: rapid.SampledFrom([]account.State{"", account.Active, account.Disabled, "odd"}).Draw(t, "of state"),
			Kind:  rapid.SampledFrom([]account.Kind{"", account.PGSM, "odd"}).Draw(t, "of kind"),
		}
		want, exact := m.sought(f)
		covers, matches := m.of(r).covers(want), r.matches(f, nil)
		if matches && !covers || exact && covers && !matches {
			t.Errorf("%+v with %+v: matches %v, marked %v, exact %v", r, f, matches, covers, exact)
		}
	})
}

// part draws a piece of s.
func part(s string) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		from := rapid.IntRange(0, len(s)).Draw(t, "from")
		return s[from:rapid.IntRange(from, len(s)).Draw(t, "to")]
	})
}

// One search of 100,000 accounts.
func BenchmarkSearch(b *testing.B) {
	d := newDirectory()
	for i := range 100_000 {
		d.put(&account.Account{
			ID: account.ID(fmt.Sprint("id", i)), Owner: fmt.Sprint("Owner ", i), Number: account.Number(fmt.Sprint("39", 600_000_000+i*97)),
			User: fmt.Sprint(1_000_000 + i*31), Kind: account.PGSM,
		})
	}
	d.settle()
	d.ready.Store(true)
	c := &core{dir: d}
	for name, f := range map[string]Filter{"number": {Search: "396004850"}, "state": {State: account.Disabled}, "all": {}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, _, err := c.search(b.Context(), f, "", 50); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
