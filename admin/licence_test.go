package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"sipward/internal/account"
	"sipward/internal/apitest"
	"sipward/internal/licence/fakevendor"
)

// activated makes an account that its phone has activated by its link.
func activated(t *testing.T, api *apitest.API, number string) account.ID {
	t.Helper()
	id := account.ID(api.Account(api.Group("group "+number), "Ada", number, nil).Get("id"))
	_, err := api.Store.Accounts.Update(t.Context(), id, func(a *account.Account) error {
		a.Activated = &account.Activation{At: a.Created, Method: account.ByLink}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestTheLicenceOfAnAccount(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	id := activated(t, api, "+390000001")
	path := "/api/v1/accounts/" + string(id) + "/licence"
	if got := api.Do(apitest.Call{Method: http.MethodGet, Path: path}).Want(http.StatusOK); got.Get("source") != "none" || got.JSON()["document"] != nil {
		t.Errorf("before the first: %s", got.Body)
	}
	got := api.Do(apitest.Call{Method: http.MethodPost, Path: path + "/refresh"}).Want(http.StatusOK)
	doc, _ := got.JSON()["document"].(map[string]any)
	if got.Get("source") != "live" || doc["edition"] != "professional" || got.JSON()["age_seconds"] == nil {
		t.Errorf("refresh: %s", got.Body)
	}
	if got := api.Do(apitest.Call{Method: http.MethodGet, Path: path}).Want(http.StatusOK); got.Get("source") != "cache" || got.Get("state") != "fresh" {
		t.Errorf("after it: %s", got.Body)
	}
	api.Vendor.Always(fakevendor.Broken)
	api.Do(apitest.Call{Method: http.MethodPost, Path: path + "/refresh"}).Refused(http.StatusServiceUnavailable, "licence_unavailable")

	raw, err := api.Vendor.Document(id, "pgsm")
	if err != nil {
		t.Fatal(err)
	}
	got = api.Do(apitest.Call{Method: http.MethodPost, Path: path + "/import", Body: map[string]any{"document": string(raw) + "\n"}}).Want(http.StatusOK)
	if got.JSON()["imported"] != true {
		t.Errorf("import: %s", got.Body)
	}
	forged := strings.Replace(string(raw), ".", ".A", 1)
	api.Do(apitest.Call{Method: http.MethodPost, Path: path + "/import", Body: map[string]any{"document": forged}}).Refused(http.StatusUnprocessableEntity, "bad_licence")
	api.Do(apitest.Call{Method: http.MethodGet, Path: path + "?product=other"}).Refused(http.StatusBadRequest, "unknown_product")
	api.Do(apitest.Call{Method: http.MethodGet, Path: "/api/v1/accounts/nobody/licence"}).Refused(http.StatusNotFound, "not_found")
}

func TestAnAccountMadeByHandAsksTheVendorItself(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	path := "/api/v1/accounts/" + api.Account(api.Group("g"), "Ada", "+390000002", nil).Get("id") + "/licence"
	if got := api.Do(apitest.Call{Method: http.MethodGet, Path: path}).Want(http.StatusOK); got.Get("source") != "direct" || got.Get("vendor") == "" {
		t.Errorf("%s", got.Body)
	}
	api.Do(apitest.Call{Method: http.MethodPost, Path: path + "/refresh"}).Refused(http.StatusConflict, "licence_direct")
	if n := api.Vendor.Asked(); n != 0 {
		t.Errorf("the vendor was asked %d times", n)
	}
}

func TestLicencesThatEndSoonAreListed(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	api.Vendor.Life = 13 * 24 * 3600e9
	id := activated(t, api, "+390000003")
	path := "/api/v1/accounts/" + string(id) + "/licence"
	got := api.Do(apitest.Call{Method: http.MethodPost, Path: path + "/refresh"}).Want(http.StatusOK)
	if !strings.Contains(got.Get("warning"), "expires within 14 days") {
		t.Errorf("no warning: %s", got.Body)
	}
	list, _ := api.Do(apitest.Call{Method: http.MethodGet, Path: "/api/v1/licences/expiring"}).Want(http.StatusOK).JSON()["items"].([]any)
	if len(list) != 1 || list[0].(map[string]any)["account_id"] != string(id) {
		t.Errorf("expiring: %v", list)
	}
}
