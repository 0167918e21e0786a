package console

import (
	"net/url"
	"strconv"

	"sipward/internal/apiclient"
)

// listed is a page of an API list.
type listed[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next"`
}

// More is the cursor of the next page; "" at the end.
func (l listed[T]) More() string { return text(l.Next) }

// row is an account in the list, with what it is doing.
type row struct {
	apiclient.Account
	Online int
}

// accountsView is the page of accounts.
type accountsView struct {
	Filter url.Values // as it stands in the address
	Rows   []row
	More   string
	Groups map[string]string // names by id
	Group  []apiclient.Group
}

// Filtered reports whether the list is narrowed.
func (a accountsView) Filtered() bool {
	for _, name := range []string{"q", "state", "type", "group_id"} {
		if a.Filter.Get(name) != "" {
			return true
		}
	}
	return false
}

const pageSize = 50

func (c *Console) accounts(v *visit) error {
	view := accountsView{Filter: v.r.URL.Query(), Groups: map[string]string{}}
	var groups listed[apiclient.Group]
	if err := v.get("/groups", url.Values{"limit": {"200"}}, &groups); err != nil {
		return err
	}
	view.Group = groups.Items
	for _, g := range groups.Items {
		view.Groups[g.ID] = g.Name
	}
	q := url.Values{"limit": {strconv.Itoa(pageSize)}}
	for _, name := range []string{"q", "state", "type", "group_id", "cursor"} {
		if s := view.Filter.Get(name); s != "" {
			q.Set(name, s)
		}
	}
	var list listed[apiclient.Account]
	if err := v.get("/accounts", q, &list); err != nil {
		return err
	}
	for _, a := range list.Items {
		n, err := v.online(a.ID)
		if err != nil {
			return err
		}
		view.Rows = append(view.Rows, row{Account: a, Online: n})
	}
	view.More = list.More()
	if v.r.Header.Get("HX-Target") == "list" {
		return v.fragment("accounts", "list", view)
	}
	return v.render("accounts", v.t("Accounts"), view)
}

// online counts the phones of an account.
func (v *visit) online(id string) (int, error) {
	var bindings listed[struct{}]
	err := v.get("/accounts/"+url.PathEscape(id)+"/registrations", nil, &bindings)
	return len(bindings.Items), err
}
