package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"sipward/internal/apiclient"
)

// tracing is the state of an account's trace.
type tracing struct {
	By       string     `json:"by"`
	Started  time.Time  `json:"started_at"`
	Until    time.Time  `json:"until"`
	Stopped  *time.Time `json:"stopped_at"`
	Messages int        `json:"messages"`
	Running  bool       `json:"running"`
	Full     bool       `json:"full"`
}

// traceView is the page of an account's trace.
type traceView struct {
	A      apiclient.Account
	Trace  *tracing // nil: there is none
	Ladder ladder
	Talks  []conversation
	Talk   string // the Call-ID that is shown alone; "" all
	Long   []int  // minutes to choose from
}

// trace shows the last trace of an account as a ladder. It is not live: each look stands in the audit log.
func (c *Console) trace(v *visit) error {
	a, err := v.account()
	if err != nil {
		return err
	}
	view := traceView{A: a, Talk: v.r.URL.Query().Get("call"), Long: []int{5, 10, 30, 60}}
	var state tracing
	err = v.get("/accounts/"+v.id("id")+"/trace", nil, &state)
	if p := (*apiclient.Problem)(nil); errors.As(err, &p) && p.Status == http.StatusNotFound {
		return v.render("trace", v.t("Trace of %s", a.Owner), view)
	}
	if err != nil {
		return err
	}
	view.Trace = &state
	list, err := v.traced()
	if err != nil {
		return err
	}
	view.Talks = conversations(list)
	view.Ladder = newLadder(of(list, view.Talk))
	return v.render("trace", v.t("Trace of %s", a.Owner), view)
}

// traced reads what was recorded, in the order of its times: one request, and so one entry in the audit log.
func (v *visit) traced() (list []traceMessage, err error) {
	var lines bytes.Buffer
	if err := v.get("/accounts/"+v.id("id")+"/trace/export", url.Values{"format": {"json"}}, &lines); err != nil {
		return nil, err
	}
	for dec := json.NewDecoder(&lines); ; {
		var m traceMessage
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
}

func (c *Console) startTrace(v *visit) error {
	f := v.filled()
	minutes := json.Number(f.Get("minutes"))
	if err := v.post("/accounts/"+v.id("id")+"/trace", map[string]any{"minutes": minutes}, nil); err != nil {
		return err
	}
	return v.to("/accounts/" + v.id("id") + "/trace?did=tracing")
}

func (c *Console) stopTrace(v *visit) error {
	if err := v.post("/accounts/"+v.id("id")+"/trace/stop", nil, nil); err != nil {
		return err
	}
	return v.to("/accounts/" + v.id("id") + "/trace?did=traced")
}

// traceFile is the trace as text or as JSON lines.
func (c *Console) traceFile(format, name string) page {
	return func(v *visit) error {
		v.w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
		return v.pass("/accounts/" + v.id("id") + "/trace/export" + query("format", format))
	}
}
