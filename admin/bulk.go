package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/web"
)

const (
	maxBulk     = 1000 // accounts of one request
	bulkWorkers = 4    // at a time: the rest of the node keeps its latency
)

// bulkBody asks for one action on many accounts: those named, or those that a filter chooses.
type bulkBody struct {
	Action web.Opt[string]            `json:"action"`
	IDs    web.Opt[[]string]          `json:"ids"`
	Filter web.Opt[map[string]string] `json:"filter"` // the parameters of GET accounts
	All    web.Opt[bool]              `json:"all"`    // an empty filter is meant: every account
	Cursor web.Opt[string]            `json:"cursor"` // the next of an answer before
	Body   web.Opt[json.RawMessage]   `json:"body"`   // of the action
	DryRun web.Opt[bool]              `json:"dry_run"`
}

// bulkAction is the request that an action is, for one account.
type bulkAction struct{ method, suffix string }

func bulkActions() map[string]bulkAction {
	return map[string]bulkAction{
		"disable": {http.MethodPost, "/disable"}, "enable": {http.MethodPost, "/enable"}, "revoke_keys": {http.MethodPost, "/revoke-keys"},
		"delete": {http.MethodDelete, ""}, "edit": {http.MethodPatch, ""}, "send": {http.MethodPost, "/messages"},
		"check_sync": {http.MethodPost, "/check-sync"}, "refresh_licence": {http.MethodPost, "/licence/refresh"},
	}
}

// bulkResult is what became of one account.
type bulkResult struct {
	ID     string `json:"id"`
	Status int    `json:"status"` // as the single request would have answered; 0: not asked
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// bulk does one action on many accounts. Each is a request of its own to this very API, by whoever asks: so rights,
// validation, audit and effects are those of the single action, and one that fails leaves the others alone.
func (a *API) bulk(c *gin.Context) error {
	var b bulkBody
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	action, known := bulkActions()[b.Action.Value]
	var faults web.Faults
	if !known {
		faults.Add("/action", "choice", "must be one of disable, enable, revoke_keys, delete, edit, send, check_sync, refresh_licence")
	}
	if b.IDs.Set == b.Filter.Set {
		faults.Add("/ids", "choice", "give ids or a filter, one of them")
	}
	if b.Filter.Set && len(b.Filter.Value) == 0 && !b.All.Or(false) && !b.DryRun.Or(false) {
		faults.Add("/filter", "all", `is empty and chooses every account: if that is meant, add "all": true`)
	}
	if len(b.IDs.Value) > maxBulk {
		faults.Add("/ids", "too_many", fmt.Sprintf("has %d ids: at most %d go into one request", len(b.IDs.Value), maxBulk))
	}
	if err := faults.Err(); err != nil {
		return err
	}
	ids, next, total, err := a.bulkIDs(c, b)
	if err != nil {
		return err
	}
	results := make([]bulkResult, len(ids))
	for i, id := range ids {
		results[i].ID = id
	}
	if !b.DryRun.Or(false) {
		a.doAll(c, action, b.Body.Value, results)
	}
	failed := 0
	for _, r := range results {
		if r.Status >= 400 {
			failed++
		}
	}
	c.JSON(http.StatusOK, map[string]any{"items": results, "total": total, "failed": failed, "dry_run": b.DryRun.Or(false), "next": next})
	return nil
}

// bulkIDs are the accounts meant: page after page of what the filter chooses, as the list of accounts gives them.
func (a *API) bulkIDs(c *gin.Context, b bulkBody) (ids []string, next *string, total int, err error) {
	if b.IDs.Set {
		ids = slices.Compact(slices.Sorted(slices.Values(b.IDs.Value)))
		for _, id := range ids {
			if !account.ID(id).Valid() {
				return nil, nil, 0, web.Faults{{Pointer: "/ids", Code: "unknown", Message: "holds what is no account's id"}}.Err()
			}
		}
		return ids, nil, len(ids), nil
	}
	q := url.Values{"limit": {strconv.Itoa(200)}}
	for name, value := range b.Filter.Value {
		q.Set(name, value)
	}
	cursor := b.Cursor.Or("")
	for {
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		var page struct {
			Items []struct {
				ID string `json:"id"`
			} `json:"items"`
			Next  *string `json:"next"`
			Total int     `json:"total"`
		}
		answer := a.ask(c.Request.Context(), c, http.MethodGet, "/api/v1/accounts?"+q.Encode(), nil)
		if answer.status != http.StatusOK {
			return nil, nil, 0, web.Bad("filter", answer.detail())
		}
		if err := json.Unmarshal(answer.body.Bytes(), &page); err != nil {
			return nil, nil, 0, err
		}
		for _, item := range page.Items {
			ids = append(ids, item.ID)
		}
		if page.Next == nil || len(ids)+200 > maxBulk {
			return ids, page.Next, max(page.Total, len(ids)), nil
		}
		cursor = *page.Next
	}
}

func (a *API) doAll(c *gin.Context, action bulkAction, body json.RawMessage, results []bulkResult) {
	var all sync.WaitGroup
	work := make(chan *bulkResult)
	for range bulkWorkers {
		all.Go(func() {
			for r := range work {
				if c.Request.Context().Err() != nil {
					continue // the client has gone: what is not begun is not done
				}
				answer := a.ask(c.Request.Context(), c, action.method, "/api/v1/accounts/"+r.ID+action.suffix, body)
				r.Status, r.Code, r.Detail = answer.status, answer.code(), answer.detail()
			}
		})
	}
	for i := range results {
		work <- &results[i]
	}
	close(work)
	all.Wait()
}

// reply takes the answer of a request to ourselves.
type reply struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *reply) Header() http.Header { return r.header }
func (r *reply) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}
func (r *reply) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

func (r *reply) problem() (p web.Problem) {
	if r.status >= http.StatusBadRequest {
		_ = json.Unmarshal(r.body.Bytes(), &p) // an answer that is no problem has no words
	}
	return p
}

func (r *reply) code() string   { return r.problem().Code }
func (r *reply) detail() string { return r.problem().Detail }

// ask sends a request to this API as whoever sent the one under way.
func (a *API) ask(ctx context.Context, c *gin.Context, method, target string, body []byte) *reply {
	out := &reply{header: http.Header{}}
	r, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		out.status = http.StatusBadRequest
		return out
	}
	from := c.Request
	r.RemoteAddr, r.TLS, r.Host = from.RemoteAddr, from.TLS, from.Host
	for _, name := range []string{"Authorization", "Cookie", "X-Csrf-Token", "Origin", "Sec-Fetch-Site", "User-Agent", "X-Forwarded-For", "X-Forwarded-Proto"} {
		if v := from.Header[name]; len(v) > 0 {
			r.Header[name] = v
		}
	}
	r.Header.Set("X-Request-Id", c.Writer.Header().Get("X-Request-Id"))
	r.Header.Set("If-Match", "*") // who asks for many has not looked at each
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	a.Self(out, r)
	return out
}
