package console

import "net/http"

// routes is the table of pages.
func (c *Console) routes() *http.ServeMux {
	m := http.NewServeMux()
	m.HandleFunc("GET /static/{hash}/{name}", c.assets.serve)
	for pattern, p := range map[string]page{
		"GET /sign-in": c.signIn, "POST /sign-in": c.enter, "GET /setup/{token}": c.setup, "POST /setup/{token}": c.begin, "POST /preferences": c.prefer,
	} {
		m.HandleFunc(pattern, c.open(p))
	}
	for _, table := range []map[string]page{c.accountPages(), c.linePages(), c.systemPages(), c.webhookPages()} {
		for pattern, p := range table {
			m.HandleFunc(pattern, c.inside(p))
		}
	}
	return m
}

// accountPages are those of accounts.
func (c *Console) accountPages() map[string]page {
	return map[string]page{
		"GET /accounts": c.accounts, "GET /accounts.csv": c.export("/accounts:export", filters...), "POST /accounts": c.create, "POST /accounts/bulk": c.bulk,
		"GET /accounts/new": c.newAccount, "GET /accounts/import": c.importPage, "POST /accounts/import": c.importCSV, "GET /accounts/template.csv": c.template,
		"GET /jobs/{id}": c.jobPage, "GET /changes/{id}": c.effect,

		"GET /accounts/{id}": c.accountState, "GET /accounts/{id}/now": c.accountNow, "GET /accounts/{id}/history": c.accountHistory,
		"GET /accounts/{id}/configuration": c.accountConfiguration, "GET /accounts/{id}/edit": c.edit, "POST /accounts/{id}/edit": c.save,
		"GET /accounts/{id}/disable": c.question("ask-disable", askDisable), "POST /accounts/{id}/disable": c.disable, "POST /accounts/{id}/enable": c.enable,
		"GET /accounts/{id}/delete": c.question("ask-delete", askDelete), "POST /accounts/{id}/delete": c.deleteAccount,
		"GET /accounts/{id}/revoke-keys": c.question("ask-revoke", askRevoke), "POST /accounts/{id}/revoke-keys": c.revokeKeys,
		"GET /accounts/{id}/send": c.send, "POST /accounts/{id}/send": c.sendNow, "POST /accounts/{id}/links/{link}/revoke": c.revokeLink,
		"GET /accounts/{id}/licence": c.question("ask-licence", askImport), "POST /accounts/{id}/licence": c.importLicence,
		"GET /accounts/{id}/trace": c.trace, "POST /accounts/{id}/trace": c.startTrace, "POST /accounts/{id}/trace/stop": c.stopTrace,
		"GET /accounts/{id}/trace.txt": c.traceFile("text", "trace.txt"), "GET /accounts/{id}/trace.jsonl": c.traceFile("json", "trace.jsonl"),
		"POST /accounts/{id}/licence/refresh": c.refreshLicence, "POST /accounts/{id}/check-sync": c.checkSync,
	}
}

// linePages are those around accounts.
func (c *Console) linePages() map[string]page {
	return map[string]page{
		"GET /groups": c.groups, "GET /groups/new": c.group, "POST /groups/new": c.saveGroup, "GET /groups/{id}/edit": c.group, "POST /groups/{id}/edit": c.saveGroup,
		"GET /groups/{id}/delete": c.askGroup, "POST /groups/{id}/delete": c.erase("/groups", "/groups", "id"),

		"GET /profiles": c.profiles, "GET /profiles/new": c.profileForm, "POST /profiles/new": c.saveProfile, "GET /profiles/{id}": c.profilePage,
		"GET /profiles/{id}/edit": c.profileForm, "POST /profiles/{id}/edit": c.saveProfile,
		"GET /profiles/{id}/delete": c.askProfile, "POST /profiles/{id}/delete": c.erase("/profiles", "/profiles", "id"),

		"GET /phones": c.phones, "GET /phones/waiting": c.waiting, "GET /phones/fetches": c.fetches, "GET /phones/setup": c.phoneSetup, "GET /phones/sraps.csv": c.redirections, "GET /phones/fetches.csv": c.export("/fetch-log:export", "mac"),
		"GET /phones/new": c.phone, "POST /phones/new": c.savePhone, "GET /phones/{mac}/edit": c.phone, "POST /phones/{mac}/edit": c.savePhone,
		"GET /phones/{mac}/delete": c.askPhone, "POST /phones/{mac}/delete": c.erase("/phones", "/phones", "mac"),

		"GET /messages": c.messages, "POST /messages/{id}/retry": c.retry,
		"GET /calls": c.calls, "GET /calls.csv": c.export("/calls:export", "disposition", "number", "account_id"), "GET /calls/sessions.csv": c.export("/sip-sessions:export", "kind", "account_id"),
		"GET /calls/sessions": c.sipSessions, "GET /calls/registered": c.registrations,
		"GET /licences": c.licences,
	}
}

// systemPages are those of the server and its operators.
func (c *Console) systemPages() map[string]page {
	return map[string]page{
		"GET /{$}": c.dashboard, "GET /": c.missing, "GET /events": c.events, "POST /sign-out": c.leave, "GET /nodes": c.nodes,

		"GET /clips": c.clips, "GET /clips/{lang}/{prompt}/file.wav": c.clipFile, "GET /clips/{lang}/{prompt}": c.clipForm, "POST /clips/{lang}/{prompt}": c.saveClip,
		"GET /clips/{lang}/{prompt}/delete": c.askClip, "POST /clips/{lang}/{prompt}/delete": c.erase("/clips", "/clips", "lang", "prompt"),

		"GET /operators": c.operators, "GET /operators/tokens": c.tokens, "GET /operators/sign-ins": c.signIns, "GET /operators/sign-ins.csv": c.export("/sign-ins:export", "event", "name"),
		"GET /operators/new": c.operator, "POST /operators/new": c.saveOperator, "GET /operators/{id}/edit": c.operator, "POST /operators/{id}/edit": c.saveOperator,
		"POST /operators/{id}/setup-link": c.renew, "POST /operators/{id}/end-sessions": c.order("end-sessions"), "POST /operators/{id}/totp": c.order("totp/remove"),
		"GET /operators/{id}/delete": c.askOperator, "POST /operators/{id}/delete": c.erase("/operators", "/operators", "id"),
		"GET /tokens/new": c.token, "POST /tokens/new": c.saveToken, "GET /tokens/{id}/delete": c.askToken, "POST /tokens/{id}/delete": c.erase("/tokens", "/operators/tokens", "id"),

		"GET /audit": c.audit, "GET /audit.jsonl": c.auditFile, "GET /audit/check": c.auditVerify,
		"GET /audit/compare": c.auditCompare, "POST /audit/compare": c.auditDifference,

		"GET /settings": c.settingsPage, "POST /settings/me": c.saveMe, "POST /settings/password": c.savePassword,
		"POST /settings/factor": c.beginFactor, "POST /settings/factor/confirm": c.confirmFactor, "POST /settings/factor/remove": c.removeFactor,
	}
}

// webhookPages are those of the systems that are told of changes. One receiver has no address below /operators, where an
// operator's id could stand.
func (c *Console) webhookPages() map[string]page {
	return map[string]page{
		"GET /operators/webhooks": c.webhooks, "GET /webhooks/new": c.webhookForm, "POST /webhooks/new": c.saveWebhook,
		"GET /webhooks/{id}": c.webhook, "GET /webhooks/{id}/edit": c.webhookForm, "POST /webhooks/{id}/edit": c.saveWebhook,
		"POST /webhooks/{id}/pause": c.setHook("disabled", true, "paused"), "POST /webhooks/{id}/resume": c.setHook("disabled", false, "resumed"),
		"POST /webhooks/{id}/withdraw": c.setHook("former_secret", false, "withdrawn"), "GET /webhooks/{id}/rotate": c.askRotate, "POST /webhooks/{id}/rotate": c.rotate,
		"POST /webhooks/{id}/test": c.testHook, "POST /webhooks/{id}/deliveries/{delivery}/retry": c.retryDelivery,
		"GET /webhooks/{id}/delete": c.askWebhook, "POST /webhooks/{id}/delete": c.erase("/webhooks", "/operators/webhooks", "id"),
	}
}

func (c *Console) missing(*visit) error { return notHere }
