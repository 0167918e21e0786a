package store_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sipward/internal/account"
	"sipward/internal/store"
	"sipward/internal/store/storetest"
)

// What an embedded store exports and any store imports is the same store.
func (suite) ExportAndImport(t *testing.T, b backend) {
	ctx := t.Context()
	from, to := node(t, backend{open: openEmbedded}.port(t)), node(t, b.port(t))
	g, err := from.Groups.Create(ctx, account.Group{Name: "Sälës"})
	if err != nil {
		t.Fatal(err)
	}
	many(t, from, 60, g.ID)
	hash := sha256.Sum256([]byte("s"))
	if _, err := from.Tokens.Create(ctx, account.Token{ID: "t1", Name: "ci", Hash: hash[:]}); err != nil {
		t.Fatal(err)
	}
	wav := bytes.Repeat([]byte("RIFF"), 1<<19)
	if _, err := from.Clips.Put(ctx, store.ClipFile{Prompt: "p", Language: "it"}, wav); err != nil {
		t.Fatal(err)
	}
	all := walk(t, from, store.Filter{}, 100)
	i := slices.IndexFunc(all, func(a account.Account) bool { return a.User == "00000000" }) // a member of the group
	gone := all[i]
	all = slices.Delete(all, i, i+1)
	if err := from.Accounts.Delete(ctx, gone.ID, 0); err != nil {
		t.Fatal(err)
	}
	set, err := from.Locations.Update(ctx, all[5].ID, bind(binding("p", time.Now())))
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := from.Export(ctx, &file); err != nil {
		t.Fatal(err)
	}
	exported := file.String()
	if err := to.Import(ctx, &file); err != nil {
		t.Fatal(err)
	}
	same := cmp.Options{cmpopts.EquateComparable(netip.AddrPort{})}
	if d := cmp.Diff(all, walk(t, to, store.Filter{}, 100), same); d != "" {
		t.Errorf("accounts (-want +got)\n%s", d)
	}
	if n := len(walk(t, to, store.Filter{Group: g.ID}, 100)); n != 8 {
		t.Errorf("%d members of the group, want 8", n)
	}
	for _, a := range all {
		owns(t, to, a)
	}
	if _, got, err := to.Locations.Lookup(ctx, all[5].ID); err != nil || !cmp.Equal(set, got, same) {
		t.Errorf("location %+v, %v", got, err)
	}
	if p, err := to.Locations.List(ctx, "", 10); err != nil || len(p.Items) != 1 {
		t.Errorf("%d locations, %v", len(p.Items), err)
	}
	if _, err := to.Tokens.ByHash(ctx, hash); err != nil {
		t.Error("token:", err)
	}
	if _, got, err := to.Clips.Get(ctx, "p", "it"); err != nil || !bytes.Equal(got, wav) {
		t.Errorf("clip of %d bytes, %v", len(got), err)
	}
	if _, err := to.Groups.Create(ctx, account.Group{Name: "sälës"}); !errors.Is(err, account.ErrTaken) {
		t.Errorf("the group's name: %v", err)
	}
	again, _ := storetest.New(t, storetest.User(gone.User))
	if _, err := to.Accounts.Create(ctx, again); !errors.Is(err, account.ErrTaken) {
		t.Errorf("the held user name: %v", err)
	}
	if err := to.Import(ctx, strings.NewReader(exported)); err == nil || !strings.Contains(err.Error(), "import into an empty one") {
		t.Errorf("into a store that is not empty: %v", err)
	}
}

func TestImportRefusesWhatIsNotAnExport(t *testing.T) {
	t.Parallel()
	from := node(t, backend{open: openEmbedded}.port(t))
	storetest.Account(t, from)
	var file bytes.Buffer
	if err := from.Export(t.Context(), &file); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(file.String(), "\n")
	for want, text := range map[string]string{
		"cut short after 1 lines": lines[0],
		"cut short after 2 lines": lines[0] + lines[1] + lines[2][:5],
		"not a file that":         lines[1],
		"has format 2":            strings.Replace(lines[0], `"format":1`, `"format":2`, 1),
		"has 1 lines and says 2":  lines[0] + lines[2],
		"line 2 (account":         lines[0] + strings.Replace(lines[1], `"id":"`, `"id":"x`, 1) + lines[2],
		"is taken by another":     lines[0] + lines[1] + strings.ReplaceAll(lines[1], idOf(t, from), "other") + strings.Replace(lines[2], `:2`, `:3`, 1),
	} {
		to := node(t, backend{open: openEmbedded}.port(t))
		if err := to.Import(t.Context(), strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func idOf(t *testing.T, s *store.Store) string {
	t.Helper()
	all := walk(t, s, store.Filter{}, 10)
	if len(all) != 1 {
		t.Fatal(fmt.Sprint(len(all), " accounts"))
	}
	return string(all[0].ID)
}
