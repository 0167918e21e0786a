package provisioning_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sipward/internal/account"
	"sipward/internal/apitest"
)

const accounts = "/api/v1/accounts"

var update = flag.Bool("update", false, "write the golden files anew")

// masked replaces what chance and the clock make.
var masked = []struct {
	re *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`"[a-z2-7]{26}-(\d+)"`), `"ID-$1"`},
	{regexp.MustCompile(`"[a-z2-7]{26}"`), `"ID"`},
	{regexp.MustCompile(`"\d{4}-\d\d-\d\dT[^"]*Z"`), `"TIME"`},
	{regexp.MustCompile(`"user": "\d{8}"`), `"user": "DIGITS"`},
	{regexp.MustCompile(`"request_id": "[A-Z2-7]{26}"`), `"request_id": "REQUEST"`},
}

func golden(t *testing.T, name string, body []byte) {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	b, _ := json.MarshalIndent(v, "", "  ")
	got := string(b) + "\n"
	for _, m := range masked {
		got = m.re.ReplaceAllString(got, m.by)
	}
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestAPlainAccountIsUsableAtOnce(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group := api.Group("Sales")
	made := api.Account(group, "Ann Smith", "+39 02 1234-5678", nil)
	golden(t, "plain", made.Body.Bytes())

	password := made.Get("password")
	if len(password) < 26 {
		t.Fatalf("generated password %q", password)
	}
	shown := api.Do(apitest.Call{Method: http.MethodGet, Path: accounts + "/" + made.Get("id")}).Want(200)
	if strings.Contains(shown.Body.String(), password) || strings.Contains(shown.Body.String(), "ha1") {
		t.Errorf("a secret is shown again: %s", shown.Body)
	}
	if strings.Contains(api.Log.String(), password) {
		t.Error("the password is in the log")
	}
	acc, err := api.Store.Accounts.ByID(t.Context(), account.ID(made.Get("id")))
	if err != nil {
		t.Fatal(err)
	}
	ha1, err := acc.OpenHA1(api.Ring)
	if want := account.HashHA1(made.Get("user"), apitest.Realm, account.Secret(password)); err != nil || ha1 != want {
		t.Errorf("the stored hashes are not those of the shown password: %v", err)
	}
}

func TestASNOMAccountTakesAllOptions(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group := api.Group("Desks")
	made := api.Account(group, "Room 5", "+390212345678", map[string]any{
		"way": "plain", "type": "SNOM", "profile_id": "default", "secondary_number": "555", "user": "20000001",
		"password": "correct-horse-battery", "email": "room5@example.org", "language": "it", "security_model": "end-to-end",
		"obfuscation": false, "obfuscation_key": "77", "keep_alive": true, "messaging": true, "description": "third floor",
	})
	golden(t, "snom", made.Body.Bytes())
	if made.Get("password") != "" {
		t.Error("a password that the operator chose is shown")
	}
}

func TestAWizardAccountIsPending(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group := api.Group("Sales")
	made := api.Account(group, "Bob", "112", map[string]any{"way": "wizard", "profile_id": "default"})
	if made.Get("state") != "pending" || made.JSON()["activated"] != nil {
		t.Errorf("got %s", made.Body)
	}
	p := api.Do(apitest.Call{Method: http.MethodPost, Path: accounts, Body: map[string]any{
		"way": "wizard", "group_id": group, "owner": "Bob", "number": "113", "user": "12345678",
	}}).Refused(400, "invalid")
	if got := pointers(p.Errors); got != "/profile_id required, /user not_here" {
		t.Errorf("faults: %s", got)
	}
}

func TestAllFaultsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	post := func(body any) string {
		t.Helper()
		return pointers(api.Do(apitest.Call{Method: http.MethodPost, Path: accounts, Body: body}).Refused(400, "invalid").Errors)
	}
	if got := post(map[string]any{}); got != "/number required, /owner required, /group_id required" {
		t.Errorf("empty body: %s", got)
	}
	got := post(map[string]any{
		"way": "magic", "type": "FAX", "language": "tlh", "security_model": "none", "number": "0123456789", "secondary_number": "x",
		"user": "bob", "owner": "A\r\nB", "description": "\u202eevil", "email": "Bob <b@example.org>", "obfuscation_key": "\x00",
		"group_id": "nowhere", "password": "short", "profile_id": "mine",
	})
	want := "/way choice, /type choice, /security_model choice, /language choice, /profile_id unknown, /number number, " +
		"/secondary_number number, /user user, /owner text, /description text, /email email, /obfuscation_key text, " +
		"/group_id unknown, /password password"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	p := api.Do(apitest.Call{Method: http.MethodPost, Path: accounts, Body: map[string]any{"owner": "A", "number": "9"}}).Refused(400, "invalid")
	golden(t, "faults", mustJSON(t, p))
}

// P7: what is unknown or not the client's to say is refused, and nothing is made.
func TestUnknownAndPrivilegedFieldsAreRefused(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group := api.Group("Sales")
	for _, field := range []string{"state", "tenant", "role", "ha1", "credential", "activated", "suspended", "id", "version", "Owner", "created_at"} {
		body := map[string]any{"group_id": group, "owner": "Eve", "number": "666", field: "x"}
		p := api.Do(apitest.Call{Method: http.MethodPost, Path: accounts, Body: body}).Refused(400, "invalid")
		if got := pointers(p.Errors); got != "/"+field+" unknown_field" {
			t.Errorf("%s: %s", field, got)
		}
	}
	list := api.Do(apitest.Call{Method: http.MethodGet, Path: accounts}).Want(200)
	n := len(list.JSON()["items"].([]any))
	t.Logf("accounts made with fields that nobody may set: %d / limit 0", n)
	if n != 0 {
		t.Errorf("something was made: %s", list.Body)
	}
	made := api.Account(group, "Ann", "111", nil)
	patch := apitest.Call{Method: http.MethodPatch, Path: accounts + "/" + made.Get("id"), Match: "*", Body: map[string]any{"state": "active", "way": "wizard"}}
	api.Do(patch).Refused(400, "invalid")
	if now := api.Do(apitest.Call{Method: http.MethodGet, Path: accounts + "/" + made.Get("id")}); now.Header().Get("ETag") != made.Header().Get("ETag") {
		t.Error("a refused patch changed the account")
	}
}

func TestTakenValuesAreNamed(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group := api.Group("Sales")
	api.Account(group, "Ann", "111", map[string]any{"user": "10000001"})
	for field, body := range map[string]map[string]any{
		"/number": {"number": "111"}, "/user": {"number": "112", "user": "10000001"}, "/secondary_number": {"number": "113", "secondary_number": "111"},
	} {
		body["group_id"], body["owner"] = group, "Bob"
		p := api.Do(apitest.Call{Method: http.MethodPost, Path: accounts, Body: body}).Refused(409, "taken")
		if len(p.Errors) != 1 || p.Errors[0].Pointer != field || !strings.Contains(p.Detail, "1") {
			t.Errorf("%s: %+v", field, p)
		}
	}
}

func TestEveryFieldCanBeEdited(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group, other := api.Group("Sales"), api.Group("Support")
	made := api.Account(group, "Ann", "111", map[string]any{"secondary_number": "222", "description": "x"})
	id := made.Get("id")
	patch := func(etag string, body map[string]any) apitest.Answer {
		return api.Do(apitest.Call{Method: http.MethodPatch, Path: accounts + "/" + id, Match: etag, Type: "application/merge-patch+json", Body: body})
	}
	patch("", map[string]any{"owner": "Zoe"}).Refused(428, "if_match_required")
	edited := patch(made.Header().Get("ETag"), map[string]any{
		"owner": "Zoe", "number": "+390299999999", "secondary_number": nil, "group_id": other, "type": "SNOM", "description": nil,
		"language": "de", "obfuscation": false, "keep_alive": true, "tls_only": true, "messaging": true, "security_model": "end-to-end", "email": "z@example.org",
	}).Want(200)
	golden(t, "edited", edited.Body.Bytes())
	patch(made.Header().Get("ETag"), map[string]any{"owner": "Late"}).Refused(412, "stale")
	if got := pointers(patch("*", map[string]any{"number": nil, "owner": nil, "group_id": nil}).Refused(400, "invalid").Errors); got != "/group_id required, /number number, /owner required" {
		t.Errorf("null where nothing can be removed: %s", got)
	}
}

func TestANewUserNeedsANewPassword(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	made := api.Account(api.Group("Sales"), "Ann", "111", nil)
	patch := func(body map[string]any) apitest.Answer {
		return api.Do(apitest.Call{Method: http.MethodPatch, Path: accounts + "/" + made.Get("id"), Match: "*", Body: body})
	}
	patch(map[string]any{"user": "87654321"}).Refused(400, "invalid")
	renewed := patch(map[string]any{"user": "87654321", "password": nil}).Want(200)
	password := renewed.Get("password")
	if password == "" || password == made.Get("password") {
		t.Fatalf("password %q", password)
	}
	acc, err := api.Store.Accounts.ByUser(t.Context(), "87654321")
	if err != nil {
		t.Fatal(err)
	}
	ha1, err := acc.OpenHA1(api.Ring)
	if want := account.HashHA1("87654321", apitest.Realm, account.Secret(password)); err != nil || ha1 != want {
		t.Errorf("hashes: %v", err)
	}
}

func TestAccountsAreListedInPages(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group, other := api.Group("Sales"), api.Group("Support")
	for _, n := range []string{"9990101", "9990102", "9990103", "9990104", "9990105"} { // too long to stand in a user name by chance
		api.Account(group, "Owner "+n, n, nil)
	}
	api.Account(other, "Else", "200", map[string]any{"way": "wizard", "profile_id": "default", "type": "SNOM"})
	get := func(query string) (numbers []string, next string) {
		t.Helper()
		a := api.Do(apitest.Call{Method: http.MethodGet, Path: accounts + "?" + query}).Want(200)
		for _, item := range a.JSON()["items"].([]any) {
			numbers = append(numbers, item.(map[string]any)["number"].(string))
		}
		return numbers, a.Get("next")
	}
	seen := map[string]int{}
	pages := 0
	for next := "&"; next != ""; pages++ {
		var numbers []string
		numbers, next = get("limit=2&group_id=" + group + "&cursor=" + strings.TrimPrefix(next, "&"))
		for _, n := range numbers {
			seen[n]++
		}
		if pages > 5 {
			t.Fatal("the list does not end")
		}
	}
	if len(seen) != 5 || seen["9990101"] != 1 {
		t.Errorf("seen %v in %d pages", seen, pages)
	}
	for query, want := range map[string]string{"state=pending": "200", "type=SNOM": "200", "q=oWNER+9990103": "9990103", "q=9990104": "9990104", "group_id=" + other: "200"} {
		if got, _ := get(query); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
	for query, want := range map[string]int{"number=9990103": 1, "number=999%200-103": 1, "number=999": 0, "user=9990103": 0, "number=x": 0, "user=%00": 0} {
		if got, _ := get(query); len(got) != want {
			t.Errorf("%s: %v, want %d", query, got, want)
		}
	}
	api.Do(apitest.Call{Method: http.MethodGet, Path: accounts + "?number=103&limit=2"}).Refused(400, "alone")
	_, next := get("limit=1&group_id=" + group)
	for _, bad := range []string{"cursor=" + next, "cursor=AAAA", "limit=0", "limit=201", "limit=x", "state=dead", "colour=red", "group_id=x"} {
		api.Do(apitest.Call{Method: http.MethodGet, Path: accounts + "?" + bad}).Refused(400, "invalid")
	}
}

func TestAnAccountIsDeleted(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	made := api.Account(api.Group("Sales"), "Ann", "111", nil)
	del := apitest.Call{Method: http.MethodDelete, Path: accounts + "/" + made.Get("id")}
	api.Do(del).Refused(428, "if_match_required")
	del.Match = `"41"`
	api.Do(del).Refused(412, "stale")
	del.Match = made.Header().Get("ETag")
	api.Do(del).Want(204)
	api.Do(del).Refused(404, "not_found")
	api.Do(apitest.Call{Method: http.MethodGet, Path: accounts + "/UPPER"}).Refused(404, "not_found")
}

// B9, and the length of every text.
func TestHostileTextsAreRefusedOrCarriedWhole(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group := api.Group("Sales")
	for _, owner := range []string{"a\rb", "a\nb", "a\x00b", "a\u202eb", "a\u2066b", "a\u2028b", strings.Repeat("x", 201), " \t ", "\u200f"} {
		p := api.Do(apitest.Call{Method: http.MethodPost, Path: accounts, Body: map[string]any{"group_id": group, "owner": owner, "number": "111"}}).Refused(400, "invalid")
		if got := pointers(p.Errors); !strings.HasPrefix(got, "/owner ") {
			t.Errorf("%q: %s", owner, got)
		}
	}
	for i, owner := range []string{`]]><user_pass>`, `"><script>alert(1)</script>`, "=cmd|' /C calc'!A0", "名前 Ünï 😀", strings.Repeat("é", 200)} {
		made := api.Account(group, owner, []string{"11", "12", "13", "14", "15"}[i], nil)
		if made.Get("owner") != owner {
			t.Errorf("%q came back as %q", owner, made.Get("owner"))
		}
	}
	api.Do(apitest.Call{Method: http.MethodPost, Path: accounts, Body: []byte("{\"owner\": \"\xff\"}")}).Refused(400, "not_json")
}

func pointers[F any](faults []F) string {
	var list []struct{ Pointer, Code string }
	b, err := json.Marshal(faults)
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil {
		return err.Error()
	}
	words := make([]string, len(list))
	for i, f := range list {
		words[i] = f.Pointer + " " + f.Code
	}
	return strings.Join(words, ", ")
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
