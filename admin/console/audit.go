package console

import (
	"encoding/json"
	"fmt"
	"time"
)

// auditEntry is one change, refusal or export.
type auditEntry struct {
	Seq    int       `json:"seq"`
	At     time.Time `json:"at"`
	Result string    `json:"result"`
	Detail string    `json:"detail"`
	Act    struct {
		By      string `json:"by"`
		Role    string `json:"role"`
		From    string `json:"from"`
		Request string `json:"request_id"`
		Action  string `json:"action"`
		Path    string `json:"path"`
	} `json:"act"`
	Objects []auditObject `json:"objects"`
}

// auditObject is what was changed, with its values before and after.
type auditObject struct {
	Kind    string `json:"kind"`
	ID      string `json:"id"`
	Name    string `json:"name"`
	Op      string `json:"op"`
	Changes []struct {
		Field  string `json:"field"`
		Before any    `json:"before"`
		After  any    `json:"after"`
	} `json:"changes"`
}

// Page is the page of the object; "" when it has none, or is gone.
func (o auditObject) Page() string {
	if o.Op == "delete" {
		return ""
	}
	switch o.Kind {
	case "account":
		return "/accounts/" + o.ID
	case "profile":
		return "/profiles/" + o.ID
	}
	return ""
}

// brief is a value in few letters.
func brief(v any) string {
	if v == nil {
		return "–"
	}
	words := fmt.Sprint(v)
	if j, err := json.Marshal(v); err == nil && (j[0] == '{' || j[0] == '[') {
		words = string(j)
	}
	s := []rune(words)
	if len(s) > 60 {
		return string(s[:59]) + "…"
	}
	return string(s)
}

func (c *Console) audit(v *visit) error {
	view, err := fetch[auditEntry](v, "/audit", "by", "result", "kind", "object_id")
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

// auditCheck is what a walk over the whole log found.
type auditCheck struct {
	OK      bool `json:"ok"`
	Entries int  `json:"entries"`
	Faults  []struct {
		Chain string `json:"chain"`
		Seq   int    `json:"seq"`
		What  string `json:"what"`
	} `json:"faults"`
}

func (c *Console) auditVerify(v *visit) error {
	var found auditCheck
	if err := v.get("/audit/verify", nil, &found); err != nil {
		return err
	}
	return v.render("audit-check", v.t("Is the log whole?"), found)
}
