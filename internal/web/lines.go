package web

import (
	"bufio"
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"
)

// Lines answers with JSON lines as f writes them. A fault before the first line is a problem as ever; one behind it can
// only cut the answer off, which a client sees as a broken connection.
func Lines(c *gin.Context, name string, f func(write func(any) error) error) error {
	return download(c, "application/x-ndjson", name+".ndjson", func(w *bufio.Writer) error {
		enc := json.NewEncoder(w)
		return f(enc.Encode)
	})
}

// Text answers with plain text as f writes it; faults are told as by Lines.
func Text(c *gin.Context, name string, f func(write func(string) error) error) error {
	return download(c, "text/plain; charset=utf-8", name+".txt", func(w *bufio.Writer) error {
		return f(func(s string) error { _, err := w.WriteString(s); return err })
	})
}

func download(c *gin.Context, kind, name string, f func(*bufio.Writer) error) error {
	h := c.Writer.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	w := bufio.NewWriterSize(c.Writer, 32<<10)
	err := f(w)
	if err == nil {
		err = w.Flush()
	}
	switch {
	case err == nil:
		return nil
	case !c.Writer.Written():
		h.Del("Content-Disposition")
		return err
	}
	_ = c.Error(err)
	panic(http.ErrAbortHandler) // an answer that ends early must not look whole
}
