package apiclient

import (
	"context"
	"net/http"
)

// perPage is how many items one request asks for.
const perPage = 200

// page is one answer of a list.
type page[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next"`
}

// all fetches page after page; send asks for the one at a cursor, nil for the first.
func all[T any](ctx context.Context, c *Client, send func(ctx context.Context, cursor *string) (*http.Response, error)) ([]T, error) {
	list := []T{}
	for cursor := (*string)(nil); ; {
		var p page[T]
		if err := c.ask(ctx, &p, func(ctx context.Context) (*http.Response, error) { return send(ctx, cursor) }); err != nil {
			return nil, err
		}
		list = append(list, p.Items...)
		if cursor = p.Next; cursor == nil {
			return list, nil
		}
	}
}

// one fetches a list that is short and has no pages.
func one[T any](ctx context.Context, c *Client, send func(ctx context.Context) (*http.Response, error)) ([]T, error) {
	p := page[T]{Items: []T{}}
	err := c.ask(ctx, &p, send)
	return p.Items, err
}
