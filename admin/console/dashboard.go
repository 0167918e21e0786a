package console

import (
	"fmt"
	"net/url"

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

// dashboard is what an operator looks at first.
type dashboard struct {
	Accounts, Registered, Pending, Disabled tally
	Failed, Expiring, Waiting               tally
	Calls                                   []talk
	Recent                                  []talk
	Nodes                                   []apiclient.Node
	Lines                                   map[string]lineBrief
	Groups                                  bool
}

func (c *Console) dashboard(v *visit) error {
	d, err := v.dashboard()
	if err != nil {
		return err
	}
	return v.list("dashboard", v.t("Dashboard"), d)
}

func (v *visit) dashboard() (d dashboard, err error) {
	d.Lines = map[string]lineBrief{}
	for _, one := range []struct {
		into *tally
		path string
		q    url.Values
	}{
		{&d.Accounts, "/accounts", url.Values{}}, {&d.Registered, "/registrations", url.Values{}},
		{&d.Pending, "/accounts", url.Values{"state": {"pending"}}}, {&d.Disabled, "/accounts", url.Values{"state": {"disabled"}}},
		{&d.Failed, "/outbox", url.Values{"status": {"failed"}}}, {&d.Expiring, "/licences/expiring", url.Values{}},
		{&d.Waiting, "/phones/waiting", url.Values{}},
	} {
		if *one.into, err = v.count(one.path, one.q); err != nil {
			return d, err
		}
	}
	if err := some(v, "/calls/active", nil, &d.Calls); err != nil {
		return d, err
	}
	if err := some(v, "/calls", url.Values{"limit": {"6"}}, &d.Recent); err != nil {
		return d, err
	}
	for _, t := range append(d.Calls, d.Recent...) {
		if err := v.lines(d.Lines, t.From, t.To); err != nil {
			return d, err
		}
	}
	var groups []apiclient.Group
	if err := some(v, "/groups", url.Values{"limit": {"1"}}, &groups); err != nil {
		return d, err
	}
	d.Groups = len(groups) > 0
	d.Nodes, err = v.api.Nodes(v.r.Context())
	return d, err
}
