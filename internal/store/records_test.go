package store_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/store"
	"sipward/internal/store/kv"
	"sipward/internal/store/storetest"
)

// overwrite puts raw bytes under a key, as somebody with a Redis client would.
func overwrite(t *testing.T, port kv.Store, k kv.Key, value []byte) {
	t.Helper()
	if _, err := port.Commit(t.Context(), kv.Txn{Tag: k.Tag, Puts: []kv.Put{{Key: k, Value: value}}}); err != nil {
		t.Fatal(err)
	}
}

func rawOf(t *testing.T, port kv.Store, k kv.Key) []byte {
	t.Helper()
	recs, err := port.Read(t.Context(), k)
	if err != nil || recs[0].Version == 0 {
		t.Fatalf("%s: version %d, %v", k, recs[0].Version, err)
	}
	return recs[0].Value
}

// alarms reads the counter of one kind.
func alarms(t *testing.T, reg *prometheus.Registry, kind string) (n float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "sipward_store_alarms_total" && m.GetLabel()[0].GetValue() == kind {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

// A record that names another account, is cut short or is no JSON is an alarm, and is never served.
func (suite) MisfitsAreNeverServed(t *testing.T, b backend) {
	port, ctx, reg := b.port(t), t.Context(), prometheus.NewRegistry()
	s, err := store.New(ctx, port, store.Config{}, nil, reg)
	if err != nil {
		t.Fatal(err)
	}
	rich, _ := storetest.Account(t, s)
	poor, _ := storetest.Account(t, s)
	for _, a := range []account.Account{rich, poor} {
		if _, err := s.Locations.Update(ctx, a.ID, bind(binding(string(a.ID), time.Now()))); err != nil {
			t.Fatal(err)
		}
	}
	stolen := rawOf(t, port, store.AccountKey(rich.ID))
	for name, value := range map[string][]byte{"swapped": stolen, "cut": stolen[:len(stolen)-9], "empty": {}, "no schema": []byte(`{"id":"` + string(poor.ID) + `"}`)} {
		overwrite(t, port, store.AccountKey(poor.ID), value)
		if a, err := s.Accounts.ByUser(ctx, poor.User); !errors.Is(err, store.ErrMisfit) {
			t.Errorf("%s: served %s, %v", name, a.ID, err)
		}
		if _, _, err := s.Locations.Lookup(ctx, poor.ID); !errors.Is(err, store.ErrMisfit) {
			t.Errorf("%s: lookup %v", name, err)
		}
		if p, err := s.Accounts.List(ctx, store.Filter{}, "", 10); err != nil || len(p.Items) != 1 || p.Items[0].ID != rich.ID {
			t.Errorf("%s: listed %+v, %v", name, p, err)
		}
	}
	overwrite(t, port, store.LocationKey(rich.ID), rawOf(t, port, store.LocationKey(poor.ID)))
	if _, set, err := s.Locations.Lookup(ctx, rich.ID); !errors.Is(err, store.ErrMisfit) {
		t.Errorf("another's location: %+v, %v", set, err)
	}
	overwrite(t, port, kv.Key{Tag: "n:" + string(rich.Number), Name: "claim"}, []byte(`{"schema":1,"name":"n:1","owner":"`+string(poor.ID)+`"}`))
	if _, err := s.Accounts.ByNumber(ctx, rich.Number); !errors.Is(err, store.ErrMisfit) {
		t.Errorf("another number's claim: %v", err)
	}
	if n := alarms(t, reg, "misfit"); n < 9 {
		t.Errorf("%v alarms", n)
	}
}

// What a newer version wrote beside what this one knows survives this one's updates.
func (suite) UnknownFieldsAreKept(t *testing.T, b backend) {
	port, ctx := b.port(t), t.Context()
	s := node(t, port)
	a, _ := storetest.Account(t, s)
	if _, err := s.Locations.Update(ctx, a.ID, bind(binding("old", time.Now()))); err != nil {
		t.Fatal(err)
	}
	newer := func(raw []byte, more ...string) []byte {
		out := strings.Replace(string(raw), `{"schema":1,`, `{"schema":2,"hobby":["golf"],`, 1)
		for i := 0; i < len(more); i += 2 {
			out = strings.Replace(out, more[i], more[i+1], 1)
		}
		return []byte(out)
	}
	overwrite(t, port, store.AccountKey(a.ID), newer(rawOf(t, port, store.AccountKey(a.ID)), `"epoch":1`, `"epoch":1,"blake":"x"`))
	overwrite(t, port, store.LocationKey(a.ID), newer(rawOf(t, port, store.LocationKey(a.ID)), `"reg_id":1`, `"reg_id":1,"push":"p"`))
	if _, err := s.Accounts.Update(ctx, a.ID, func(a *account.Account) error { a.Owner = "Ümit \"x\""; return nil }); err != nil {
		t.Fatal(err)
	}
	second := binding("second", time.Now())
	if set, err := s.Locations.Update(ctx, a.ID, bind(second)); err != nil || len(set.Bindings) != 2 {
		t.Fatal(set, err)
	}
	third := binding("third", time.Now())
	if set, err := s.Locations.Update(ctx, a.ID, bind(third)); err != nil || len(set.Bindings) != 3 { // from memory
		t.Fatal(set, err)
	}
	var acc struct {
		Schema     int
		Hobby      []string
		Owner      string
		Credential struct{ Blake string }
	}
	if err := json.Unmarshal(rawOf(t, port, store.AccountKey(a.ID)), &acc); err != nil {
		t.Fatal(err)
	}
	if acc.Schema != 2 || len(acc.Hobby) != 1 || acc.Credential.Blake != "x" || acc.Owner != "Ümit \"x\"" {
		t.Errorf("account %+v", acc)
	}
	var loc struct {
		Schema   int
		Hobby    []string
		Bindings []struct {
			location.Binding
			Push string
		}
	}
	if err := json.Unmarshal(rawOf(t, port, store.LocationKey(a.ID)), &loc); err != nil {
		t.Fatal(err)
	}
	if loc.Schema != 2 || len(loc.Hobby) != 1 || len(loc.Bindings) != 3 || loc.Bindings[0].Push != "p" || loc.Bindings[1].Push != "" {
		t.Errorf("location %+v", loc)
	}
}

// A store that is emptied under a running node raises an alarm; a restored one serves again without a restart.
func (suite) AnEmptiedStoreIsNoticed(t *testing.T, b backend) {
	port, ctx, reg := b.port(t), t.Context(), prometheus.NewRegistry()
	s, err := store.New(ctx, port, store.Config{}, nil, reg)
	if err != nil {
		t.Fatal(err)
	}
	storetest.Run(t, s)
	a, _ := storetest.Account(t, s)
	followed(t, s)
	if _, err := s.Accounts.CachedByID(ctx, a.ID); err != nil {
		t.Fatal(err)
	}
	id := kv.Key{Tag: "org", Name: "identity"}
	was := rawOf(t, port, id)
	record := rawOf(t, port, store.AccountKey(a.ID))
	if _, err := port.Commit(ctx, kv.Txn{Tag: id.Tag, Deletes: []kv.Key{id}}); err != nil {
		t.Fatal(err)
	}
	k := store.AccountKey(a.ID)
	if _, err := port.Commit(ctx, kv.Txn{Tag: k.Tag, Deletes: []kv.Key{k}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Locations.Update(ctx, a.ID, bind(binding("p", time.Now()))); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a registration in an emptied store: %v", err)
	}
	if err := store.Recognise(ctx, s); err != nil {
		t.Fatal(err)
	}
	if n := alarms(t, reg, "emptied"); n != 1 {
		t.Errorf("%v alarms, want 1", n)
	}
	if _, err := s.Accounts.CachedByID(ctx, a.ID); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("an account of the emptied store: %v", err)
	}
	overwrite(t, port, id, was)
	overwrite(t, port, k, record)
	if err := store.Recognise(ctx, s); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Accounts.CachedByID(ctx, a.ID); err != nil {
		t.Errorf("restored: %v", err)
	}
}
