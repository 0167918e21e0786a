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
