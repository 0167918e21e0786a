package store

import (
	"encoding/json"
	"reflect"
	"strconv"
	"testing"
	"time"

	"sipward/internal/call"
)

// What appendCall writes is read back as what encoding/json writes is, whichever fields are empty: a field that is added to
// the record and forgotten here fails.
func TestAppendCall(t *testing.T) {
	t.Parallel()
	full := call.Record{}
	v := reflect.ValueOf(&full).Elem()
	for i := range v.NumField() {
		fill(v.Field(i), i)
	}
	full.Media = nil
	for i := range v.NumField() + 1 {
		r := full
		if i < v.NumField() {
			reflect.ValueOf(&r).Elem().Field(i).SetZero()
		}
		want, err := json.Marshal(&r)
		if err != nil {
			t.Fatal(err)
		}
		got := "{" + string(appendCall(nil, &r))
		if back, like := decoded(t, got), decoded(t, string(want)); !reflect.DeepEqual(back, like) {
			t.Errorf("without field %d:\n%s\nis not\n%s", i, got, want)
		}
	}
	if appendCall(nil, &call.Record{Media: &call.Media{}}) != nil {
		t.Error("media was left out")
	}
}

func fill(f reflect.Value, i int) {
	switch f.Kind() {
	case reflect.String:
		f.SetString("a\"b\\<\x01é\u2028" + strconv.Itoa(i))
	case reflect.Int:
		f.SetInt(int64(400 + i))
	case reflect.Struct:
		f.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, i, time.UTC)))
	}
}

func decoded(t *testing.T, s string) (m map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(s), &m); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return m
}
