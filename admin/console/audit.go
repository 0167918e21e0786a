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

// auditCompared is an exported log beside the server's.
type auditCompared struct {
	Form  form
	Found *apiclient.AuditComparison // nil: not compared yet
}

// auditCompare asks for an exported log; after a backup was restored it shows what was done since.
func (c *Console) auditCompare(v *visit) error {
	return v.render("audit-compare", v.t("Compare with an exported log"), auditCompared{})
}

func (c *Console) auditDifference(v *visit) error {
	view := auditCompared{Form: v.filled()}
	file, _, err := v.r.FormFile("file")
	if err != nil {
		view.Form.Faults = map[string]string{"file": v.t("Choose an exported audit log.")}
		return v.show("audit-compare", v.t("Compare with an exported log"), view.Form, view)
	}
	defer func() { _ = file.Close() }()
	found, err := v.api.CompareAudit(v.r.Context(), file)
	if err == nil {
		view.Found = &found
		return v.render("audit-compare", v.t("Compare with an exported log"), view)
	}
	if err := v.wrong(&view.Form, err); err != nil {
		return err
	}
	return v.show("audit-compare", v.t("Compare with an exported log"), view.Form, view)
}

// auditVerify shows what a walk over the whole log found.
func (c *Console) auditVerify(v *visit) error {
	found, err := v.api.VerifyAudit(v.r.Context())
	if err != nil {
		return err
	}
	return v.render("audit-check", v.t("Is the log whole?"), found)
}
