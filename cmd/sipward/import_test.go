package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// batchFile writes a batch of rows, with numbers from first on.
func batchFile(rows, first int) string {
	var b strings.Builder
	b.WriteString("fullName,gsmNumber,email,securityModel,description\n")
	for i := range rows {
		fmt.Fprintf(&b, "\"Person, %d\",+3902%08d,person%d@example.org,end-to-site,batch\n", i, first+i, i)
	}
	return b.String()
}

// raw is a request to the admin API whose answer is read by the caller.
func (s *server) raw(method, path, kind, body string) *http.Response {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header = http.Header{"Authorization": {"Bearer " + s.n.token.Reveal()}, "Content-Type": {kind}}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return res
}

// importing sends a batch and returns its job.
func (s *server) importing(group, file string) string {
	s.t.Helper()
	res := s.raw(http.MethodPost, "/accounts:import?profile_id=default&group_id="+group, "text/csv", file)
	defer res.Body.Close()
	var job struct{ ID string }
	if err := json.NewDecoder(res.Body).Decode(&job); err != nil || res.StatusCode != http.StatusAccepted {
		s.t.Fatalf("%d %v", res.StatusCode, err)
	}
	return job.ID
}

// job is a task as the API shows it.
type job struct {
	State, Reason        string
	Total, Done, Created int
	Begun                time.Time `json:"begun_at"`
	Ended                time.Time `json:"ended_at"`
}

func (s *server) job(id string) (j job) {
	s.t.Helper()
	res := s.raw(http.MethodGet, "/jobs/"+id, "", "")
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&j); err != nil {
		s.t.Fatal(err)
	}
	return j
}

// progress counts the events that tell of a job; it ends with the server.
type progress struct {
	mu   sync.Mutex
	seen map[string]int
}

// watch follows the event stream; it returns once that is open.
func (s *server) watch() *progress {
	s.t.Helper()
	p := &progress{seen: map[string]int{}}
	res := s.raw(http.MethodGet, "/events", "", "")
	if res.StatusCode != http.StatusOK {
		s.t.Fatalf("events: %d", res.StatusCode)
	}
	var done sync.WaitGroup
	done.Go(func() {
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			var e struct{ ID string }
			data, ok := strings.CutPrefix(lines.Text(), "data: ")
			if ok && json.Unmarshal([]byte(data), &e) == nil {
				p.mu.Lock()
				p.seen[e.ID]++
				p.mu.Unlock()
			}
		}
	})
	s.t.Cleanup(func() { _ = res.Body.Close(); done.Wait() })
	return p
}

func (p *progress) of(id string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[id]
}

// A batch goes on behind its request, tells how far it is by its job and by events, and the API answers meanwhile.
func TestABatchTellsItsProgressAndDisturbsNobody(t *testing.T) {
	t.Parallel()
	rows, every, worst := batchSize()
	c := testConfig(t)
	c.Store.Fsync = "always" // as it is in production
	s := start(t, c)
	group := s.group()
	events := s.watch()
	id := s.importing(group, batchFile(rows, 0))

	var waits []time.Duration
	tick := time.NewTicker(every)
	defer tick.Stop()
	j := s.job(id)
	for between := 0; j.State == "running"; <-tick.C {
		asked := time.Now()
		res := s.raw(http.MethodGet, "/accounts?limit=50", "", "")
		if res.Body.Close(); res.StatusCode != http.StatusOK {
			t.Fatalf("%d", res.StatusCode)
		}
		waits = append(waits, time.Since(asked))
		if between++; between%50 == 0 || len(waits) < 50 {
			j = s.job(id)
		}
	}
	if j.State != "done" || j.Created != rows || j.Done != rows || j.Total != rows {
		t.Fatalf("%+v", j)
	}
	slices.Sort(waits)
	p99 := waits[len(waits)*99/100]
	t.Logf("%d rows in %s; %d requests meanwhile, median %s, p99 %s", rows, j.Ended.Sub(j.Begun).Round(time.Millisecond), len(waits), waits[len(waits)/2], p99)
	if took := j.Ended.Sub(j.Begun); took > 30*time.Second*time.Duration(worst) || p99 > 200*time.Millisecond*time.Duration(worst) {
		t.Errorf("the batch took %s, the API's p99 was %s", took, p99)
	}
	eventually(t, "the job's last event", time.Minute, func() bool { return events.of("job/"+id) >= 2 })
	if again := s.importing(group, batchFile(rows, 0)); again == id {
		t.Error("two batches, one job")
	}
}
