package admin

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"sipward/internal/audit"
	"sipward/internal/web"
)

const (
	compareBatch = 500  // lines that the store is asked about at once
	maxCompared  = 1000 // missing entries in an answer; there may be more
)

// compared is what an exported log has and the server's has not.
type compared struct {
	Entries int         `json:"entries"` // lines that were read
	Missing int         `json:"missing"`
	Items   []auditView `json:"items"` // the newest first, at most a thousand
}

// compareAudit reads an exported audit log and answers what of it the server does not know. After a backup was restored
// that is what was done since the backup, and has to be done again (K6).
func (a *API) compareAudit(c *gin.Context) error {
	if err := web.CheckMedia(c, ndjson, "application/jsonl", "application/octet-stream"); err != nil {
		return err
	}
	answer := compared{Items: []auditView{}}
	var batch []audit.Line
	ask := func() error {
		missing, err := a.Audit.Unknown(c.Request.Context(), batch)
		if errors.Is(err, audit.ErrLine) {
			return answer.bad()
		}
		if err != nil {
			return err
		}
		batch, answer.Missing = batch[:0], answer.Missing+len(missing)
		answer.Items, err = auditViews(answer.Items, missing)
		answer.trim()
		return err
	}
	for lines := newLines(c.Request.Body); ; {
		b, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, bufio.ErrTooLong) {
			return web.BodyFault(err)
		}
		var l audit.Line
		if err != nil || json.Unmarshal(b, &l) != nil {
			return answer.bad()
		}
		answer.Entries++
		if batch = append(batch, l); len(batch) == compareBatch {
			if err := ask(); err != nil {
				return err
			}
		}
	}
	if err := ask(); err != nil {
		return err
	}
	c.JSON(http.StatusOK, answer)
	return nil
}

func (r *compared) bad() error {
	return web.Bad("not_an_audit_log", fmt.Sprintf("within the first %d lines is one that no exported audit log has: make the file with sipward audit export", r.Entries+1))
}

// trim keeps the newest.
func (r *compared) trim() {
	slices.SortStableFunc(r.Items, func(x, y auditView) int { return y.At.Compare(x.At) })
	r.Items = r.Items[:min(len(r.Items), maxCompared)]
}
