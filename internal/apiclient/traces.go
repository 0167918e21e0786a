package apiclient

import (
	"context"
	"io"
	"net/http"

	"sipward/internal/apiclient/wire"
)

// StartTrace records the SIP messages of an account on all nodes, for so many minutes.
func (c *Client) StartTrace(ctx context.Context, id string, minutes int) (t Trace, err error) {
	err = c.ask(ctx, &t, func(ctx context.Context) (*http.Response, error) {
		return c.wire.StartTrace(ctx, id, wire.StartTraceJSONRequestBody{Minutes: minutes})
	})
	return t, err
}

// StopTrace ends the trace of an account; what it has recorded can be read for a day.
func (c *Client) StopTrace(ctx context.Context, id string) (t Trace, err error) {
	err = c.ask(ctx, &t, func(ctx context.Context) (*http.Response, error) { return c.wire.StopTrace(ctx, id) })
	return t, err
}

// ExportTrace writes what the trace of an account has recorded, as text or as JSON lines (format json).
func (c *Client) ExportTrace(ctx context.Context, id, format string, w io.Writer) error {
	return c.askLong(ctx, w, func(ctx context.Context) (*http.Response, error) {
		return c.wire.ExportTrace(ctx, id, &wire.ExportTraceParams{Format: given(format)})
	})
}
