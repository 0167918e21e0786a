package console

import (
	"net/url"

	"sipward/internal/apiclient"
)

// accountsView is the page of accounts.
type accountsView struct {
	rows[apiclient.Account]
	Groups map[string]string // names by id
	Group  []apiclient.Group
	Form   form
	Done   *bulkResult
}

func (c *Console) accounts(v *visit) error {
	view, err := v.accountRows()
	if err != nil {
		return err
	}
	return v.list("accounts", v.t("Accounts"), view)
}

func (v *visit) accountRows() (view accountsView, err error) {
	if view.Group, err = everything[apiclient.Group](v, "/groups"); err != nil {
		return view, err
	}
	view.Groups = map[string]string{}
	for _, g := range view.Group {
		view.Groups[g.ID] = g.Name
	}
	view.rows, err = fetchAlso[apiclient.Account](v, "/accounts", "registrations", append(filters, "sort")...)
	return view, err
}

// exportAccounts hands on the API's CSV of what the list shows.
func (c *Console) exportAccounts(v *visit) error {
	v.w.Header().Set("Content-Disposition", `attachment; filename="accounts.csv"`)
	return v.pass("/accounts:export" + v.filter())
}

// filter is the query of the list as it stands.
func (v *visit) filter() string {
	var pairs []string
	for _, name := range filters {
		pairs = append(pairs, name, v.r.URL.Query().Get(name))
	}
	return query(pairs...)
}

// Sort is the query of the list in another order; the same column again turns it round.
func (a accountsView) Sort(by string) string {
	if a.Filter.Get("sort") == by {
		by = "-" + by
	}
	q := url.Values{"sort": {by}}
	for _, name := range filters {
		if s := a.Filter.Get(name); s != "" {
			q.Set(name, s)
		}
	}
	return "?" + q.Encode()
}
