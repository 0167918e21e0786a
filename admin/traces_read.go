package admin

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"sipward/internal/trace"
	"sipward/internal/web"
)

// traceMessages answers a page of what was recorded, in the order in which the nodes wrote it.
func (a *API) traceMessages(c *gin.Context) error {
	scope, position, limit, err := web.Query(c, a.Cursors)
	if err != nil {
		return err
	}
	t, err := a.lastTrace(c)
	if err != nil {
		return err
	}
	after := 0
	if position != "" {
		id, n, _ := strings.Cut(position, " ")
		if id != t.ID {
			return web.Conflict("another_trace", "a new trace has begun meanwhile: read it from its beginning, without cursor")
		}
		after, _ = strconv.Atoi(n) // cursors are signed
	}
	list, err := a.Traces.Lines(c.Request.Context(), t, after, limit)
	if err != nil {
		return err
	}
	answer := web.List[trace.Message]{Items: list}
	if answer.Items == nil {
		answer.Items = []trace.Message{}
	}
	if next := after + limit; next < t.Messages {
		answer.Next = a.Cursors.Seal(scope, t.ID+" "+strconv.Itoa(next))
	}
	c.JSON(http.StatusOK, answer)
	return nil
}

// exportTrace gives out all that was recorded, in the order of its times.
func (a *API) exportTrace(c *gin.Context) error {
	if _, _, _, err := web.Query(c, a.Cursors, "format"); err != nil {
		return err
	}
	format := c.DefaultQuery("format", "text")
	if format != "text" && format != "json" {
		return web.Faults{{Pointer: "?format", Code: "choice", Message: "must be text or json"}}.Err()
	}
	t, err := a.lastTrace(c)
	if err != nil {
		return err
	}
	list, err := a.Traces.Lines(c.Request.Context(), t, 0, trace.Most)
	if err != nil {
		return err
	}
	slices.SortStableFunc(list, func(x, y trace.Message) int { return x.At.Compare(y.At) })
	name := "trace-" + t.ID
	if format == "json" {
		return web.Lines(c, name, func(write func(any) error) error { return each(list, func(m trace.Message) error { return write(m) }) })
	}
	return web.Text(c, name, func(write func(string) error) error {
		return each(list, func(m trace.Message) error { return write(traceText(m)) })
	})
}

func each[T any](list []T, f func(T) error) error {
	for _, v := range list {
		if err := f(v); err != nil {
			return err
		}
	}
	return nil
}

// traceText is a message as a reader of a text file wants it: a line that says what it is, and then the message itself.
func traceText(m trace.Message) string {
	way := "received from"
	if m.Sent {
		way = "sent to"
	}
	head := fmt.Sprintf("--- %s %s %s %s %s (%s)", m.At.UTC().Format("2006-01-02T15:04:05.000000Z"), m.Node, way, m.Network, m.Peer, m.Party)
	return head + "\n" + strings.TrimRight(strings.ReplaceAll(m.Text, "\r\n", "\n"), "\n") + "\n\n"
}
