package apiclient

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"
)

// AuditEntry is one line of the audit log.
type AuditEntry struct {
	Hash   string    `json:"hash"`
	Chain  string    `json:"chain"`
	Seq    uint64    `json:"seq"`
	At     time.Time `json:"at"`
	Result string    `json:"result"` // done, denied, read
	Detail string    `json:"detail"`
	Act    struct {
		By      string `json:"by"`
		ByID    string `json:"by_id"`
		Role    string `json:"role"`
		From    string `json:"from"`
		Request string `json:"request_id"`
		Action  string `json:"action"`
		Path    string `json:"path"`
	} `json:"act"`
	Objects []struct {
		Kind    string `json:"kind"`
		ID      string `json:"id"`
		Name    string `json:"name"`
		Op      string `json:"op"`
		Changes []struct {
			Field  string          `json:"field"`
			Before json.RawMessage `json:"before"`
			After  json.RawMessage `json:"after"`
		} `json:"changes"`
	} `json:"objects"`
}

// AuditCheck is what a walk over the whole log found.
type AuditCheck struct {
	OK      bool         `json:"ok"`
	Entries int          `json:"entries"`
	Faults  []AuditFault `json:"faults"`
}

// AuditFault is one thing wrong with the log.
type AuditFault struct {
	Chain string `json:"chain"`
	Seq   uint64 `json:"seq"`
	What  string `json:"what"`
}

// Audit lists entries, the newest first; q holds the filter as the document names it.
func (c *Client) Audit(ctx context.Context, q url.Values) ([]AuditEntry, error) {
	return list[AuditEntry](ctx, c, v1+"/audit", q)
}

// VerifyAudit lets the server walk its whole log.
func (c *Client) VerifyAudit(ctx context.Context) (found AuditCheck, err error) {
	return found, c.do(ctx, call{method: http.MethodGet, path: v1 + "/audit/verify", long: true}, &found)
}

// AuditComparison is what an exported log has and the server's has not.
type AuditComparison struct {
	Entries int          `json:"entries"`
	Missing int          `json:"missing"`
	Items   []AuditEntry `json:"items"` // the newest first, at most a thousand
}

// CompareAudit sends an exported log.
func (c *Client) CompareAudit(ctx context.Context, r io.Reader) (found AuditComparison, err error) {
	body := io.NopCloser(r) // keeps net/http from closing what is the caller's
	return found, c.do(ctx, call{method: http.MethodPost, path: v1 + "/audit/compare", body: body, kind: "application/x-ndjson", long: true}, &found)
}

// ExportAudit writes the log as JSON lines.
func (c *Client) ExportAudit(ctx context.Context, w io.Writer) error {
	return c.do(ctx, call{method: http.MethodGet, path: v1 + "/audit/export", long: true}, w)
}
