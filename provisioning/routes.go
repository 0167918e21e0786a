package provisioning

import (
	"net/http"

	"sipward/internal/account"
	"sipward/internal/web"
)

// Routes is the table of the operators' listener.
func (a *API) Routes() []web.Route {
	const v1 = "/api/v1"
	groups, profiles := a.groups(), a.profiles()
	return []web.Route{
		{Method: http.MethodGet, Path: v1 + "/groups", Role: account.Auditor, Handle: groups.List},
		{Method: http.MethodPost, Path: v1 + "/groups", Role: account.Admin, Handle: web.Create(groups, a.createGroup)},
		{Method: http.MethodGet, Path: v1 + "/groups/:id", Role: account.Auditor, Handle: groups.Show},
		{Method: http.MethodPatch, Path: v1 + "/groups/:id", Role: account.Admin, Handle: web.Edit(groups, a.editGroup)},
		{Method: http.MethodDelete, Path: v1 + "/groups/:id", Role: account.Admin, Handle: groups.Delete},

		{Method: http.MethodGet, Path: v1 + "/profiles", Role: account.Auditor, Handle: profiles.List},
		{Method: http.MethodPost, Path: v1 + "/profiles", Role: account.Admin, Handle: web.Create(profiles, a.createProfile)},
		{Method: http.MethodGet, Path: v1 + "/profiles/:id", Role: account.Auditor, Handle: profiles.Show},
		{Method: http.MethodPatch, Path: v1 + "/profiles/:id", Role: account.Admin, Handle: web.Edit(profiles, a.editProfile)},
		{Method: http.MethodDelete, Path: v1 + "/profiles/:id", Role: account.Admin, Handle: profiles.Delete},
		{Method: http.MethodGet, Path: v1 + "/profiles/:id/effective", Role: account.Auditor, Handle: a.effectiveProfile},

		{Method: http.MethodGet, Path: v1 + "/accounts", Role: account.Auditor, Handle: a.listAccounts},
		{Method: http.MethodPost, Path: v1 + "/accounts", Role: account.Operator, Handle: a.createAccount},
		{Method: http.MethodGet, Path: v1 + "/accounts/:id", Role: account.Auditor, Handle: a.showAccount},
		{Method: http.MethodPatch, Path: v1 + "/accounts/:id", Role: account.Operator, Handle: a.editAccount},
		{Method: http.MethodDelete, Path: v1 + "/accounts/:id", Role: account.Operator, Handle: a.deleteAccount},
		{Method: http.MethodGet, Path: v1 + "/accounts/:id/profile", Role: account.Auditor, Handle: a.accountEffective},
		{Method: http.MethodGet, Path: v1 + "/accounts/:id/timeline", Role: account.Auditor, Handle: a.timeline},
		{Method: http.MethodGet, Path: v1 + "/accounts/:id/messages", Role: account.Auditor, Handle: a.listLinks},
		{Method: http.MethodPost, Path: v1 + "/accounts/:id/messages", Role: account.Operator, Handle: a.invite},
		{Method: http.MethodPost, Path: v1 + "/accounts/:id/messages/:link/revoke", Role: account.Operator, Handle: a.revokeLink},

		{Method: http.MethodPost, Path: v1 + `/accounts\:import`, Role: account.Operator, Long: true, MaxBody: maxImport, Handle: a.importAccounts},
		{Method: http.MethodGet, Path: v1 + `/accounts\:export`, Role: account.Auditor, Long: true, Noted: true, Handle: a.exportAccounts},
		{Method: http.MethodGet, Path: v1 + "/jobs/:id", Role: account.Auditor, Handle: a.showJob},
	}
}

// Public is the table of the listener for phones: pages, redemption, configuration. Who has a link's token, or a
// device's, is who may.
func (a *API) Public() []web.Route {
	return []web.Route{
		{Method: http.MethodGet, Path: "/i/:token", Role: web.Public, Handle: a.installationPage},
		{Method: http.MethodHead, Path: "/i/:token", Role: web.Public, Handle: a.installationPage},
		{Method: http.MethodGet, Path: "/a/:token", Role: web.Public, Handle: a.activationPage},
		{Method: http.MethodHead, Path: "/a/:token", Role: web.Public, Handle: a.activationPage},
		{Method: http.MethodPost, Path: "/a/:token", Role: web.Public, MaxBody: 16 << 10, Handle: a.redeem},
		{Method: http.MethodGet, Path: "/a/:token/:file", Role: web.Public, Handle: a.fetchOnce},
		{Method: http.MethodGet, Path: "/.well-known/apple-app-site-association", Role: web.Public, Handle: a.appleLinks},
		{Method: http.MethodGet, Path: "/.well-known/assetlinks.json", Role: web.Public, Handle: a.androidLinks},
		{Method: http.MethodGet, Path: "/v1/config", Role: web.Public, Handle: a.currentConfig},
	}
}
