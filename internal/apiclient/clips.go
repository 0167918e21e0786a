package apiclient

import (
	"context"
	"io"
	"net/http"

	"sipward/internal/apiclient/wire"
)

// Clips lists the announcements that are in use, by language and prompt.
func (c *Client) Clips(ctx context.Context) ([]Clip, error) {
	return one[Clip](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.wire.ListClips(ctx) })
}

// PutClip uploads a WAV for a prompt and language; every node plays it from then on.
func (c *Client) PutClip(ctx context.Context, language, prompt string, wav io.Reader) (made Clip, err error) {
	return made, c.askLong(ctx, &made, func(ctx context.Context) (*http.Response, error) {
		return c.wire.PutClipWithBody(ctx, language, prompt, &wire.PutClipParams{IfMatch: tag(0)}, "audio/wav", io.NopCloser(wav))
	})
}

// DeleteClip brings the shipped clip of a prompt and language back.
func (c *Client) DeleteClip(ctx context.Context, language, prompt string) error {
	return c.ask(ctx, nil, func(ctx context.Context) (*http.Response, error) {
		return c.wire.DeleteClip(ctx, language, prompt, &wire.DeleteClipParams{IfMatch: tag(0)})
	})
}
