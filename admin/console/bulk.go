package console

import (
	"net/http"
	"strings"

	"sipward/internal/apiclient"
)

// bulkResult is what became of each account of a bulk action.
type bulkResult struct {
	Done   int
	Failed []bulkFailure
}

type bulkFailure struct {
	Line lineBrief
	Why  string
}

// bulkAnswer is what the API says of one request.
type bulkAnswer struct {
	Items []struct {
		ID     string `json:"id"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	} `json:"items"`
	Total int     `json:"total"`
	Next  *string `json:"next"`
}

const (
	maxBulkRounds = 200 // requests of 1000 accounts
	maxFailures   = 50  // that are named
)

// bulkAsk is the question before something is done to all accounts that a filter chooses.
type bulkAsk struct {
	Form  form
	Total int
}

// filters are what narrows the list of accounts.
var filters = []string{"q", "state", "type", "group_id", "registered"}

// bulkOrder makes the API's request of the form.
func bulkOrder(f form) (order map[string]any, ok bool) {
	order = map[string]any{"action": f.Get("action"), "body": map[string]any{}}
	switch action := f.Get("action"); action {
	case "disable", "enable":
	case "installation", "activation":
		order["action"], order["body"] = "send", map[string]any{"kind": action, "channel": "sms"}
	default:
		return nil, false
	}
	if f.Get("scope") != "all" {
		order["ids"] = f.Values["id"]
		return order, len(f.Values["id"]) > 0
	}
	chosen := map[string]string{}
	for _, name := range filters {
		if s := strings.TrimSpace(f.Get(name)); s != "" {
			chosen[name] = s
		}
	}
	order["filter"], order["all"] = chosen, len(chosen) == 0 // the operator is asked first
	return order, true
}

// bulk does one thing to all accounts that are ticked, or to all that the filter chooses: then it asks first.
func (c *Console) bulk(v *visit) error {
	f := v.filled()
	f.Del("once") // it would name many requests
	order, ok := bulkOrder(f)
	if !ok {
		return v.to("/accounts")
	}
	if f.Get("scope") == "all" && f.Get("sure") == "" {
		order["dry_run"] = true
		var look bulkAnswer
		if err := v.post("/accounts:batch", order, &look); err != nil {
			return err
		}
		return v.write(http.StatusOK, "ask-bulk", frame{Title: v.t("For all of them?"), Data: bulkAsk{f, look.Total}})
	}
	result, err := v.bulkRun(order)
	if err != nil {
		return err
	}
	v.r.URL.RawQuery = ""
	view, err := v.accountRows()
	if err != nil {
		return err
	}
	view.Done = &result
	return v.write(http.StatusOK, "accounts", frame{Title: v.t("Accounts"), Data: view})
}

// bulkRun asks until all are done.
func (v *visit) bulkRun(order map[string]any) (result bulkResult, err error) {
	names := map[string]lineBrief{}
	for range maxBulkRounds {
		var a bulkAnswer
		if err := v.ask(apiclient.Request{Method: http.MethodPost, Path: "/accounts:batch", Body: order, Long: true}, &a); err != nil {
			return result, err
		}
		for _, item := range a.Items {
			if item.Status < http.StatusBadRequest {
				result.Done++
				continue
			}
			if len(result.Failed) >= maxFailures {
				continue
			}
			if err := v.lines(names, item.ID); err != nil {
				return result, err
			}
			result.Failed = append(result.Failed, bulkFailure{Line: names[item.ID], Why: v.t(item.Detail)})
		}
		if a.Next == nil {
			break
		}
		order["cursor"] = *a.Next
	}
	return result, nil
}
