package apiclient

import (
	"context"
	"io"
	"net/http"
	"time"
)

// Clip is the announcement that is in use for a prompt in a language.
type Clip struct {
	Prompt     string     `json:"prompt"`
	Language   string     `json:"language"`
	Source     string     `json:"source"` // shipped or uploaded
	Size       int        `json:"size"`   // bytes
	SHA256     string     `json:"sha256"`
	UploadedAt *time.Time `json:"uploaded_at"`
	UploadedBy *string    `json:"uploaded_by"`
	DurationMS int64      `json:"duration_ms"` // milliseconds
}

// Clips lists what is in use, by language and prompt.
func (c *Client) Clips(ctx context.Context) ([]Clip, error) {
	return list[Clip](ctx, c, v1+"/clips", nil)
}

// PutClip uploads a WAV for a prompt and language; every node plays it from then on.
func (c *Client) PutClip(ctx context.Context, language, prompt string, wav io.Reader) (made Clip, err error) {
	r := call{method: http.MethodPut, path: clipPath(language, prompt), body: io.NopCloser(wav), kind: "audio/wav", match: "*", long: true}
	return made, c.do(ctx, r, &made)
}

// DeleteClip brings the shipped clip of a prompt and language back.
func (c *Client) DeleteClip(ctx context.Context, language, prompt string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: clipPath(language, prompt), match: "*"}, nil)
}

func clipPath(language, prompt string) string {
	return v1 + "/clips/" + seg(language) + "/" + seg(prompt)
}
