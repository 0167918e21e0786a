package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/web"
)

const (
	maxImport     = 1 << 30            // bytes
	maxImportLine = maxClip/3*4 + 4096 // bytes: the largest clip in base64, and its names
	maxSkipped    = 100                // named in the answer
	exportSeal    = "export"           // what an export's header is sealed for
)

// restored is the answer to an import.
type restored struct {
	Created counts   `json:"created"`
	Skipped []string `json:"skipped"` // what was there already and was left as it is, the first of it
	Left    int      `json:"skipped_total"`
}

// restore reads an export line by line and writes what is not there yet. What exists is never overwritten, so an import
// that was cut off can be repeated.
func (a *API) restore(c *gin.Context) error {
	if err := web.CheckMedia(c, ndjson, "application/jsonl", "application/octet-stream"); err != nil {
		return err
	}
	r := restorer{api: a, ctx: c.Request.Context()}
	r.result.Skipped = []string{}
	if err := r.read(c.Request.Body); err != nil {
		return err
	}
	c.JSON(http.StatusOK, r.result)
	return nil
}

type restorer struct {
	api    *API
	ctx    context.Context // of the one request this value serves
	line   int
	tokens map[string]bool // ids that are there
	seen   counts
	result restored
}

func (r *restorer) read(body io.Reader) error {
	lines := newLines(body)
	for {
		b, err := lines.next()
		if errors.Is(err, io.EOF) && r.line == 0 {
			return r.bad("not_an_export", "the file is empty")
		}
		if errors.Is(err, io.EOF) {
			return r.bad("cut_off", "the export is cut off here: the end is missing; what came before is imported, repeat with the whole file")
		}
		if errors.Is(err, bufio.ErrTooLong) {
			return r.bad("not_an_export", "the line is longer than any of an export")
		}
		if err != nil {
			return web.BodyFault(err)
		}
		r.line++
		e, err := decode(b)
		if err != nil {
			return r.bad("not_an_export", "this is not a line of an export: "+err.Error()+"; what came before it is imported, repeat with the whole file")
		}
		if r.line == 1 {
			if err := r.begin(e.Header); err != nil {
				return err
			}
			continue
		}
		if e.End != nil {
			return r.end(*e.End)
		}
		if err := r.apply(e); err != nil {
			return err
		}
	}
}

// decode reads a line: one record, and nothing behind it.
func decode(line []byte) (e entry, err error) {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err = dec.Decode(&e); err != nil {
		return e, err
	}
	if _, err = dec.Token(); !errors.Is(err, io.EOF) {
		return e, errors.New("there is something behind the record")
	}
	if n := e.records(); n != 1 {
		return e, fmt.Errorf("it holds %d records", n)
	}
	return e, nil
}

// end compares what the export says it has with what it had.
func (r *restorer) end(says counts) error {
	if says == r.seen {
		return nil
	}
	return r.bad("lines_missing", fmt.Sprintf("the export was made with %v and has %v here: lines are missing or twice; what is there is imported", says, r.seen))
}

func (r *restorer) bad(code, detail string) error {
	return web.Bad(code, fmt.Sprintf("line %d: %s", max(r.line, 1), detail))
}

func (r *restorer) begin(h *exportHeader) error {
	if h == nil {
		return r.bad("not_an_export", fmt.Sprintf("an export of format %d begins with its header: make it with sipward store export", exportFormat))
	}
	if h.Format != exportFormat {
		return r.bad("not_an_export", fmt.Sprintf("this is format %d, made by sipward %.40q; this server reads format %d: import with a sipward as new", h.Format, h.Version, exportFormat))
	}
	if _, err := r.api.Ring.Open(exportSeal, h.Root); err != nil && len(h.Root) > 0 { // exports of before had none
		return r.bad("other_root_key", "the export was made under another root key, and no password in it would open here: give this server the root_key of the one that made it; nothing was imported")
	}
	have, err := r.api.Tokens.List(r.ctx)
	r.tokens = make(map[string]bool, len(have))
	for _, t := range have {
		r.tokens[t.ID] = true
	}
	return err
}

func (r *restorer) apply(e entry) error {
	switch {
	case e.Profile != nil:
		r.seen.Profiles++
		return r.profile(*e.Profile)
	case e.Group != nil:
		r.seen.Groups++
		return r.group(*e.Group)
	case e.Account != nil:
		r.seen.Accounts++
		return r.account(*e.Account)
	case e.Token != nil:
		r.seen.Tokens++
		return r.token(*e.Token)
	case e.Clip != nil:
		r.seen.Clips++
		return r.clip(*e.Clip)
	}
	return r.bad("not_an_export", "a header stands in the middle")
}

// there is how a record that exists already ends: it is left as it is and named.
func (r *restorer) there(what string) error {
	r.result.Left++
	if len(r.result.Skipped) < maxSkipped {
		r.result.Skipped = append(r.result.Skipped, what)
	}
	return nil
}

// wrote counts a record that was made; a value that another record holds skips it.
func (r *restorer) wrote(n *int, what string, err error) error {
	if errors.Is(err, account.ErrTaken) {
		return r.there(what + ": " + err.Error())
	}
	if err == nil {
		*n++
	}
	return err
}
