package console

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sipward/internal/apiclient"
)

// rowFault is what is wrong with a row of a CSV.
type rowFault struct {
	Row     int    `json:"row"`
	Column  string `json:"column"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// looked is what a dry run found.
type looked struct {
	Rows     int        `json:"rows"`
	New      int        `json:"new"`
	Existing int        `json:"existing"`
	Count    int        `json:"fault_count"`
	Faults   []rowFault `json:"faults"`
}

// job is a task that outlives its request.
type job struct {
	ID       string     `json:"id"`
	State    string     `json:"state"`
	By       string     `json:"created_by"`
	Total    int        `json:"total"`
	Done     int        `json:"done"`
	Created  int        `json:"created"`
	Existing int        `json:"existing"`
	Reason   string     `json:"reason"`
	Faults   []rowFault `json:"faults"`
	Begun    time.Time  `json:"begun_at"`
	Ended    *time.Time `json:"ended_at"`
}

// Running reports whether it goes on.
func (j job) Running() bool { return j.State == "running" }

// batch is the page that makes many accounts.
type batch struct {
	Form     form
	Groups   []apiclient.Group
	Profiles []profile
	Looked   *looked
	CSV      string // what was looked at, for the next step
}

func (c *Console) importPage(v *visit) error {
	b := batch{Form: form{Values: url.Values{}}}
	return v.batchPage(b)
}

func (v *visit) batchPage(b batch) error {
	m := making{}
	if err := v.choices(&m); err != nil {
		return err
	}
	b.Groups, b.Profiles = m.Groups, m.Profiles
	return v.show("import", v.t("Many accounts at once"), b.Form, b)
}

// maxCSV is what a browser may bring; the API itself takes more from other clients.
const maxCSV = 16 << 20 // bytes

// importCSV looks first, then makes: the second step sends what was looked at.
func (c *Console) importCSV(v *visit) error {
	b := batch{Form: v.filled()}
	b.CSV = b.Form.Get("csv")
	if file, _, err := v.r.FormFile("file"); err == nil {
		defer func() { _ = file.Close() }()
		all, err := io.ReadAll(io.LimitReader(file, maxCSV+1))
		if err != nil || len(all) > maxCSV {
			return &apiclient.Problem{Status: http.StatusRequestEntityTooLarge, Code: "too_large", Detail: fmt.Sprintf("at most %d bytes", maxCSV)}
		}
		b.CSV = string(all)
	}
	dry := b.Form.Get("go") == ""
	q := url.Values{"group_id": {b.Form.Get("group_id")}, "profile_id": {b.Form.Get("profile_id")}}
	if b.Form.Get("partial") != "" {
		q.Set("partial", "true")
	}
	if dry {
		q.Set("dry_run", "true")
		b.Looked = &looked{}
		return v.tryBatch(b, q, b.Looked)
	}
	var j job
	if err := v.importRows(b, q, &j); err != nil {
		if err := v.wrong(&b.Form, err); err != nil {
			return err
		}
		return v.batchPage(b)
	}
	return v.to("/jobs/" + url.PathEscape(j.ID))
}

func (v *visit) tryBatch(b batch, q url.Values, out any) error {
	if err := v.importRows(b, q, out); err != nil {
		b.Looked = nil
		if err := v.wrong(&b.Form, err); err != nil {
			return err
		}
	}
	return v.batchPage(b)
}

func (v *visit) importRows(b batch, q url.Values, out any) error {
	return v.ask(apiclient.Request{
		Method: http.MethodPost, Path: "/accounts:import", Query: q, Body: strings.NewReader(b.CSV), Kind: "text/csv", Long: true,
	}, out)
}

// template is an empty file with the right header.
func (c *Console) template(v *visit) error {
	v.w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	v.w.Header().Set("Content-Disposition", `attachment; filename="accounts.csv"`)
	_, _ = io.WriteString(v.w, "fullName,gsmNumber,email,securityModel,description\r\n") // the browser has gone: nothing to do
	return nil
}

func (c *Console) jobPage(v *visit) error {
	var j job
	if err := v.get("/jobs/"+v.id("id"), nil, &j); err != nil {
		return err
	}
	if v.swapped() {
		return v.fragment("job", "list", j)
	}
	return v.render("job", v.t("Import"), j)
}
