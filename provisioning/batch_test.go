package provisioning_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/apitest"
)

const header = "fullName,gsmNumber,email,securityModel,description\n"

// people is a file of n rows whose numbers count from +390200000000.
func people(n int) string {
	var file strings.Builder
	file.WriteString(header)
	for i := range n {
		fmt.Fprintf(&file, "Person %d,+3902%08d,,,\n", i, i)
	}
	return file.String()
}

// post sends a file for a group.
func post(api *apitest.API, group, query, file string) apitest.Answer {
	return api.Do(apitest.Call{Method: http.MethodPost, Path: "/api/v1/accounts:import?profile_id=default&group_id=" + group + query, Type: "text/csv", Body: file})
}

// finished waits for a job.
func finished(t *testing.T, api *apitest.API, id string) map[string]any {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		j := api.Do(apitest.Call{Method: http.MethodGet, Path: "/api/v1/jobs/" + id}).Want(200).JSON()
		if j["state"] != "running" {
			return j
		}
	}
	return nil
}

func TestAFileMakesItsAccountsOnce(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group := api.Group("Batch")
	var file strings.Builder
	file.WriteString("\ufeff" + strings.ReplaceAll(header, ",", ";"))
	for i := range 60 {
		fmt.Fprintf(&file, "\"Person; %d\";+3902%07d;;end-to-site;=1+%d\r\n", i, i, i)
	}
	if dry := post(api, group, "&dry_run=true", file.String()).Want(200).JSON(); dry["new"] != 60.0 || len(dry["faults"].([]any)) != 0 {
		t.Fatalf("dry run: %v", dry)
	}
	j := finished(t, api, post(api, group, "", file.String()).Want(202).Get("id"))
	if j["state"] != "done" || j["created"] != 60.0 || j["done"] != 60.0 {
		t.Fatalf("job: %v", j)
	}
	if again := finished(t, api, post(api, group, "", file.String()).Want(202).Get("id")); again["created"] != 0.0 || again["existing"] != 60.0 {
		t.Errorf("the same file again: %v", again)
	}
	export := api.Do(apitest.Call{Method: http.MethodGet, Path: "/api/v1/accounts:export?state=pending"}).Want(200).Body.String()
	if strings.Count(export, "\n") != 61 || !strings.Contains(export, ",'=1+7\n") || !strings.Contains(export, ",'+39020000007,") {
		t.Errorf("export: %s", export)
	}
}

func TestANamedImportBeginsOneJob(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group := api.Group("Batch")
	named := func(file string) apitest.Answer {
		return api.Do(apitest.Call{
			Method: http.MethodPost, Path: "/api/v1/accounts:import?profile_id=default&group_id=" + group, Type: "text/csv", Body: header + file,
			Header: http.Header{"Idempotency-Key": {"import-1"}},
		})
	}
	first, again := named("A,+390211111111,,,\n").Want(202), named("A,+390211111111,,,\n").Want(202)
	if first.Get("id") != again.Get("id") || again.Header().Get("Idempotency-Replayed") != "true" {
		t.Errorf("first %s\nagain %s %v", first.Body, again.Body, again.Header())
	}
	named("B,+390222222222,,,\n").Refused(422, "idempotency_mismatch")
	if j := finished(t, api, first.Get("id")); j["created"] != 1.0 {
		t.Errorf("job: %v", j)
	}
}

func TestEveryFaultOfAFileIsNamed(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group := api.Group("Batch")
	api.Account(group, "Ann", "+390211111111", nil)
	file := header + "A,+390211111111,,,\nB,12x,not-an-address,none,\n,+390222222222,,,\nC,+390222222222,,,\nD,5\n"
	got := post(api, group, "&dry_run=true", file).Want(200).JSON()["faults"].([]any)
	var list []string
	for _, f := range got {
		m := f.(map[string]any)
		list = append(list, fmt.Sprintf("%v/%v/%v", m["row"], m["column"], m["code"]))
		if m["message"] == "" {
			t.Errorf("no mend: %v", m)
		}
	}
	want := "2/gsmNumber/taken 3/securityModel/choice 3/gsmNumber/number 3/email/email 4/fullName/required 5/gsmNumber/repeated 6//cells"
	if strings.Join(list, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(list, " "), want)
	}
	post(api, group, "", file).Refused(400, "invalid")
	if n := len(api.Do(apitest.Call{Method: http.MethodGet, Path: accounts}).Want(200).JSON()["items"].([]any)); n != 1 {
		t.Errorf("%d accounts: a faulty file made some", n)
	}
	for name, bad := range map[string]string{"header": "name,number\nA,1\n", "quotes": header + "\"A,+390233333333,,,\n", "empty": header,
		"encoding": header + "Andr\xe9,+390233333333,,,\n", "long": header + "\"A,+390233333333,,,\n" + strings.Repeat("B,+390244444444,,,\n", 2000)} {
		if f := post(api, group, "&dry_run=true", bad).Want(200).JSON()["faults"].([]any); len(f) != 1 || f[0].(map[string]any)["code"] != name {
			t.Errorf("%s: %v", name, f)
		}
	}
}

// A dry run that is mistyped makes nothing.
func TestAMistypedDryRunMakesNothing(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group := api.Group("Batch")
	for _, q := range []string{"&dry_run=yes", "&dry_run=1", "&dry_run=True", "&partial=no"} {
		if r := post(api, group, q, header+"Ann,+390211111111,,,\n").Want(400); !strings.Contains(r.Body.String(), "must be true or false") {
			t.Errorf("%s: %s", q, r.Body)
		}
	}
	list := api.Do(apitest.Call{Method: http.MethodGet, Path: "/api/v1/accounts"}).Want(200).JSON()
	if n := len(list["items"].([]any)); n != 0 {
		t.Errorf("%d accounts were made", n)
	}
}

// A batch that must be whole or nothing is nothing when somebody takes one of its numbers meanwhile: two files with the
// same numbers for two groups, at once. Each job says what it made, and nothing else is there.
func TestABatchIsWholeOrNothing(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	file := people(300)
	var jobs [2]string
	var both sync.WaitGroup
	for i, group := range []string{api.Group("First"), api.Group("Second")} {
		both.Go(func() {
			switch w := post(api, group, "", file); w.Code {
			case http.StatusAccepted:
				jobs[i] = w.Get("id")
			case http.StatusBadRequest: // the other one was faster
			default:
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	both.Wait()
	want := 0
	for _, id := range jobs {
		if id == "" {
			continue
		}
		j := finished(t, api, id)
		if made := int(j["created"].(float64)); j["state"] == "failed" && (made != 0 || j["reason"] == "") || j["state"] == "done" && made != 300 {
			t.Errorf("job %v", j)
		}
		want += int(j["created"].(float64))
	}
	if export := api.Do(apitest.Call{Method: http.MethodGet, Path: "/api/v1/accounts:export"}).Want(200).Body.String(); strings.Count(export, "\n")-1 != want {
		t.Errorf("%d accounts are there, the jobs made %d", strings.Count(export, "\n")-1, want)
	}
}

// Rows that are under way when a batch fails are undone, too, also when the answer of the store comes late or not at all.
func TestAFailedBatchUndoesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group := api.Group("Batch")
	file := people(40)
	api.Meanwhile(func() {
		for i := range 4 { // the answer for one of them may be among the lost
			n := account.Number(fmt.Sprintf("+3902%08d", 20+i))
			if _, err := api.Store.Accounts.Create(t.Context(), account.Account{User: fmt.Sprint(1000 + i), Number: n}); err != nil {
				t.Error(err)
			}
		}
		api.LoseAnswers(2)
	})
	j := finished(t, api, post(api, group, "", file).Want(202).Get("id"))
	if j["state"] != "failed" || j["created"] != 0.0 {
		t.Errorf("job %v", j)
	}
	if list := api.Do(apitest.Call{Method: http.MethodGet, Path: "/api/v1/accounts?limit=200&group_id=" + group}).Want(200).JSON()["items"].([]any); len(list) != 0 {
		t.Errorf("%d accounts are there", len(list))
	}
}

// A store that misses its time at one row in five, before it has written the account or after, ends no import and makes
// nothing twice.
func TestAnImportOutlivesABusyStore(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group := api.Group("Busy")
	file := people(50)
	api.LoseAnswers(5)
	j := finished(t, api, post(api, group, "", file).Want(202).Get("id"))
	if j["state"] != "done" || j["created"] != 50.0 || j["existing"] != 0.0 {
		t.Errorf("job %v", j)
	}
	if list := api.Do(apitest.Call{Method: http.MethodGet, Path: "/api/v1/accounts?limit=200"}).Want(200).JSON()["items"].([]any); len(list) != 50 {
		t.Errorf("%d accounts", len(list))
	}
}
