package apiclient

import (
	"context"
	"io"
	"net/http"

	"sipward/internal/apiclient/wire"
)

// Audit lists entries, the newest first.
func (c *Client) Audit(ctx context.Context, f AuditFilter) ([]AuditEntry, error) {
	limit := perPage
	f.Limit = &limit
	return all[AuditEntry](ctx, c, func(ctx context.Context, cursor *string) (*http.Response, error) {
		f.Cursor = cursor
		return c.wire.ListAudit(ctx, &f)
	})
}

// VerifyAudit lets the server walk its whole log.
func (c *Client) VerifyAudit(ctx context.Context) (found AuditCheck, err error) {
	return found, c.askLong(ctx, &found, func(ctx context.Context) (*http.Response, error) { return c.wire.VerifyAudit(ctx) })
}

// CompareAudit sends an exported log.
func (c *Client) CompareAudit(ctx context.Context, r io.Reader) (found AuditComparison, err error) {
	return found, c.askLong(ctx, &found, func(ctx context.Context) (*http.Response, error) {
		return c.wire.CompareAuditWithBody(ctx, ndjson, io.NopCloser(r)) // net/http must not close what is the caller's
	})
}

// ExportAudit writes the log as JSON lines.
func (c *Client) ExportAudit(ctx context.Context, w io.Writer) error {
	return c.askLong(ctx, w, func(ctx context.Context) (*http.Response, error) {
		return c.wire.ExportAudit(ctx, &wire.ExportAuditParams{})
	})
}
