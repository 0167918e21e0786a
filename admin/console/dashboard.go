package console

import (
	"fmt"
	"net/url"
	"time"

	"sipward/internal/apiclient"
)

// tally is a count that stops where it would cost too much.
type tally struct {
	N    int
	More bool
}

// String is the number, with a plus where there are more.
func (t tally) String() string {
	if t.More {
		return fmt.Sprintf("%d+", t.N)
	}
	return fmt.Sprint(t.N)
}

// tallyPages bounds a count: so many pages of 200.
const tallyPages = 5

// count counts a list.
func (v *visit) count(path string, q url.Values) (t tally, err error) {
	q.Set("limit", "200")
	for range tallyPages {
		var page listed[struct{}]
		if err := v.get(path, q, &page); err != nil {
			return t, err
		}
		t.N += len(page.Items)
		if page.Next == nil {
			return t, nil
		}
		q.Set("cursor", *page.Next)
	}
	t.More = true
	return t, nil
}

// overview is the state of the whole in numbers.
type overview struct {
	Accounts *struct {
		Total    int `json:"total"`
		Pending  int `json:"pending"`
		Active   int `json:"active"`
		Disabled int `json:"disabled"`
	} `json:"accounts"` // nil: a node that has just started is still reading
	Registered  int        `json:"registered"`
	Certificate *time.Time `json:"certificate_until"`
}

// soon is how long before its end a certificate is worth a look.
const soon = 21 * 24 * time.Hour

// dashboard is what an operator looks at first.
type dashboard struct {
	overview
	Failed, Expiring, Waiting tally
	CertificateEnds           bool
	Calls                     []talk
	Recent                    []talk
	Nodes                     []apiclient.Node
	Lines                     map[string]lineBrief
	Groups                    bool
}

// Empty reports whether there is no account yet.
func (d dashboard) Empty() bool { return d.Accounts != nil && d.Accounts.Total == 0 }

func (c *Console) dashboard(v *visit) error {
	d, err := v.dashboard()
	if err != nil {
		return err
	}
	return v.list("dashboard", v.t("Dashboard"), d)
}

func (v *visit) dashboard() (d dashboard, err error) {
	if err := v.get("/overview", nil, &d.overview); err != nil {
		return d, err
	}
	d.CertificateEnds = d.Certificate != nil && d.Certificate.Before(v.c.Now().Add(soon))
	for _, one := range []struct {
		into *tally
		path string
		q    url.Values
	}{
		{&d.Failed, "/outbox", url.Values{"status": {"failed"}}}, {&d.Expiring, "/licences/expiring", url.Values{}}, {&d.Waiting, "/phones/waiting", url.Values{}},
	} {
		if *one.into, err = v.count(one.path, one.q); err != nil {
			return d, err
		}
	}
	return d, v.dashboardCalls(&d)
}

// dashboardCalls adds who talks, who talked, and the nodes.
func (v *visit) dashboardCalls(d *dashboard) (err error) {
	d.Lines = map[string]lineBrief{}
	if err := some(v, "/calls/active", nil, &d.Calls); err != nil {
		return err
	}
	if err := some(v, "/calls", url.Values{"limit": {"6"}}, &d.Recent); err != nil {
		return err
	}
	for _, t := range append(d.Calls, d.Recent...) {
		if err := v.lines(d.Lines, t.From, t.To); err != nil {
			return err
		}
	}
	var groups []apiclient.Group
	if err := some(v, "/groups", url.Values{"limit": {"1"}}, &groups); err != nil {
		return err
	}
	d.Groups = len(groups) > 0
	d.Nodes, err = v.api.Nodes(v.r.Context())
	return err
}
