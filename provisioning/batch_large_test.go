package provisioning_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"

	"sipward/internal/apitest"
)

// written is a file that is made while it is sent, so that the sender holds none of it.
func written(rows int, line func(w io.Writer, i int)) io.Reader {
	r, w := io.Pipe()
	go func() {
		b := bufio.NewWriter(w)
		_, _ = io.WriteString(b, header) // a receiver that has gone is its own fault
		for i := range rows {
			line(b, i)
		}
		_ = w.CloseWithError(b.Flush())
	}()
	return r
}

// peak samples how much memory is in use until stop, which returns the most beyond what was in use at first.
func peak() (stop func() uint64) {
	used := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	// What is held is what counts: by default the collector lets as much garbage gather as the tests before have left.
	before := debug.SetGCPercent(20)
	runtime.GC()
	first, done := used(), make(chan struct{})
	var most atomic.Uint64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if u := used(); u > first && u-first > most.Load() {
					most.Store(u - first)
				}
			case <-done:
				return
			}
		}
	}()
	return func() uint64 {
		close(done)
		<-ended
		debug.SetGCPercent(before)
		return most.Load()
	}
}

// looked is what a dry run says of a file that is streamed to it.
func looked(t *testing.T, api *apitest.API, group string, file io.Reader) (report struct {
	Rows, New, Existing int
	FaultCount          int `json:"fault_count"`
	Faults              []struct {
		Row          int
		Column, Code string
	}
}) {
	t.Helper()
	s := httptest.NewServer(api.Handler)
	defer s.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/api/v1/accounts:import?dry_run=true&profile_id=default&group_id="+group, file)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Authorization": {"Bearer " + apitest.Bootstrap}, "Content-Type": {"text/csv"}}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&report); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%d %v", res.StatusCode, err)
	}
	return report
}

// P8: a file is streamed, not held: what is in memory of a row is its number and a bit.
func TestALargeFileIsNotHeldInMemory(t *testing.T) {
	rows, most := large()
	api := apitest.Open(t)
	group := api.Group("Batch")
	stop := peak()
	began := time.Now()
	got := looked(t, api, group, written(rows, func(w io.Writer, i int) {
		number := fmt.Sprintf("+3902%08d", i)
		if i == rows-2 {
			number = "+390200000000" // the first row's
		}
		_, _ = fmt.Fprintf(w, "Person %d of the department with a long name,%s,person%d@example.org,end-to-site,\"Room %d, building 7\"\r\n", i, number, i, i)
	}))
	memory := stop()
	t.Logf("%d rows in %s: MiB %.1f / limit %d", rows, time.Since(began).Round(time.Millisecond), float64(memory)/(1<<20), most)
	if got.Rows != rows || got.New != rows-1 || got.FaultCount != 1 || got.Faults[0].Row != rows || got.Faults[0].Code != "repeated" {
		t.Errorf("%+v", got)
	}
	if memory > most<<20 {
		t.Errorf("%.1f MiB were in use, want at most %d", float64(memory)/(1<<20), most)
	}
}
