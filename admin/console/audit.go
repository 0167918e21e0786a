package console

import (
	"encoding/json"

	"sipward/internal/apiclient"
)

// objectPage is the page of an object of the audit log; "" when it has none, or is gone.
func objectPage(kind, id, op string) string {
	switch {
	case op == "delete":
		return ""
	case kind == "account":
		return "/accounts/" + id
	case kind == "profile":
		return "/profiles/" + id
	}
	return ""
}

// brief is a value in few letters.
func brief(v json.RawMessage) string {
	var words string
	switch {
	case len(v) == 0 || string(v) == "null":
		return "–"
	case json.Unmarshal(v, &words) != nil:
		words = string(v)
	}
	if s := []rune(words); len(s) > 60 {
		return string(s[:59]) + "…"
	}
	return words
}

func (c *Console) audit(v *visit) error {
	view, err := fetch[apiclient.AuditEntry](v, "/audit", "by", "result", "kind", "object_id")
	if err != nil {
		return err
	}
	return v.list("audit", v.t("Audit"), view)
}

// auditFile is what the filter chooses, as JSON lines with their hashes.
func (c *Console) auditFile(v *visit) error {
	q := v.r.URL.Query()
	v.w.Header().Set("Content-Disposition", `attachment; filename="audit.jsonl"`)
	return v.pass("/audit/export" + query("by", q.Get("by"), "result", q.Get("result"), "kind", q.Get("kind"), "object_id", q.Get("object_id")))
}

// auditVerify shows what a walk over the whole log found.
func (c *Console) auditVerify(v *visit) error {
	found, err := v.api.VerifyAudit(v.r.Context())
	if err != nil {
		return err
	}
	return v.render("audit-check", v.t("Is the log whole?"), found)
}
