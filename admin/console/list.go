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
	Total int     `json:"total"` // on all pages, where the API tells it
}

const pageSize = 50

// rows is the page of a list.
type rows[T any] struct {
	Filter url.Values // as it stands in the address
	Items  []T
	More   string               // the cursor of the next page; "" at the end
	Lines  map[string]lineBrief // the accounts that are named, by id
	Tab    string
	Total  int // on all pages; 0: not known
}

// lineBrief is how an account is named on other pages.
type lineBrief struct{ ID, Owner, Number string }

// fetch asks for a page of a list, narrowed by the filters of the browser's address.
func fetch[T any](v *visit, path string, filters ...string) (rows[T], error) {
	return fetchAlso[T](v, path, "", filters...)
}

// fetchAlso is fetch of entries that include more than they do by themselves.
func fetchAlso[T any](v *visit, path, include string, filters ...string) (rows[T], error) {
	r := rows[T]{Filter: v.r.URL.Query(), Lines: map[string]lineBrief{}}
	q := url.Values{"limit": {strconv.Itoa(pageSize)}}
	if include != "" {
		q.Set("include", include)
	}
	for _, name := range append(filters, "cursor") {
		if s := r.Filter.Get(name); s != "" {
			q.Set(name, s)
		}
	}
	var page listed[T]
	err := v.get(path, q, &page)
	r.Items, r.More, r.Total = page.Items, text(page.Next), page.Total
	return r, err
}

// Narrowed reports whether a filter is set.
func (r rows[T]) Narrowed() bool {
	for name, values := range r.Filter {
		if name != "cursor" && name != "did" && name != "sort" && len(values) > 0 && values[0] != "" {
			return true
		}
	}
	return false
}

// Page is the query of this list at another cursor.
func (r rows[T]) Page(cursor string) string {
	q := url.Values{}
	for name, values := range r.Filter {
		if name != "cursor" && name != "did" && len(values) > 0 && values[0] != "" {
			q[name] = values[:1]
		}
	}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// everything asks for all pages of a list that is short by nature; at most 2,000 items.
func everything[T any](v *visit, path string) ([]T, error) {
	var all []T
	q := url.Values{"limit": {"200"}}
	for range 10 {
		var page listed[T]
		if err := v.get(path, q, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == nil {
			break
		}
		q.Set("cursor", *page.Next)
	}
	return all, nil
}

// lines names accounts by their ids; those that are gone keep only the id.
func (v *visit) lines(into map[string]lineBrief, ids ...string) error {
	for _, id := range ids {
		if _, ok := into[id]; ok || id == "" {
			continue
		}
		var a apiclient.Account
		err := v.get("/accounts/"+url.PathEscape(id), nil, &a)
		if err != nil && asProblem(err).Status != 404 {
			return err
		}
		into[id] = lineBrief{ID: id, Owner: a.Owner, Number: a.Number}
	}
	return nil
}

// swapped answers a script that asks for the list alone.
func (v *visit) swapped() bool { return v.r.Header.Get("HX-Target") == "list" }

// list renders a page with a list, or the list alone.
func (v *visit) list(name, title string, data any) error {
	if v.swapped() {
		return v.fragment(name, "list", data)
	}
	return v.render(name, title, data)
}
