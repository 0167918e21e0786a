package admin

import (
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/telemetry"
	"sipward/internal/web"
)

// recordsPage is how many records one read of an export brings.
const recordsPage = 500

// exported writes all pages as CSV, or as JSON lines with ?format=json.
func exported[T any](c *gin.Context, name string, head []string, page func(cursor string) (account.Page[T], error), cells func(T) []string) error {
	format := c.DefaultQuery("format", "csv")
	if format != "csv" && format != "json" {
		return web.Faults{{Pointer: "?format", Code: "choice", Message: "must be csv or json"}}.Err()
	}
	first, err := page("")
	if err != nil {
		return err
	}
	all := func(each func(T) error) error {
		for p := first; ; {
			for _, v := range p.Items {
				if err := each(v); err != nil {
					return err
				}
			}
			if p.Next == "" {
				return nil
			}
			var err error
			if p, err = page(p.Next); err != nil {
				return err
			}
		}
	}
	if format == "json" {
		return web.Lines(c, name, func(write func(any) error) error { return all(func(v T) error { return write(v) }) })
	}
	return web.Table(c, name, head, func(row func(...string) error) error { return all(func(v T) error { return row(cells(v)...) }) })
}

// masked is a number as exports show it.
func (a *API) masked(number string) string { return telemetry.MaskNumber(number, a.Mask) }

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func count(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
