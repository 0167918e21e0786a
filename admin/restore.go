package admin

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
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
)

// restored is the answer to an import.
type restored struct {
	Created counts   `json:"created"`
	Skipped []string `json:"skipped"` // what was there already and was left as it is
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
	result restored
}

func (r *restorer) read(body io.Reader) error {
	lines := newLines(body)
	for {
		b, err := lines.next()
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
		var e entry
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&e); err != nil {
			return r.bad("not_an_export", "this is not a line of an export: "+err.Error())
		}
		if r.line == 1 {
			if err := r.begin(e.Header); err != nil {
				return err
			}
			continue
		}
		if e.End != nil {
			return nil
		}
		if err := r.apply(e); err != nil {
			return err
		}
	}
}

func (r *restorer) bad(code, detail string) error {
	return web.Bad(code, fmt.Sprintf("line %d: %s", max(r.line, 1), detail))
}

func (r *restorer) begin(h *exportHeader) error {
	if h == nil || h.Format != exportFormat {
		return r.bad("not_an_export", fmt.Sprintf("an export of format %d begins with its header: make it with sipward store export", exportFormat))
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
		return r.profile(*e.Profile)
	case e.Group != nil:
		return r.group(*e.Group)
	case e.Account != nil:
		return r.account(*e.Account)
	case e.Token != nil:
		return r.token(*e.Token)
	case e.Clip != nil:
		return r.clip(*e.Clip)
	}
	return r.bad("not_an_export", "the line holds nothing that is known")
}

// there is how a record that exists already ends: it is left as it is and named.
func (r *restorer) there(what string) error {
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

func (r *restorer) group(g account.Group) error {
	if !g.ID.Valid() || g.Name == "" || account.CheckText(g.Name, 100) != nil {
		return r.bad("bad_record", "the group's id or name is damaged")
	}
	_, err := r.api.Groups.ByID(r.ctx, g.ID)
	if err == nil {
		return r.there("group " + g.Name)
	}
	if !errors.Is(err, account.ErrNotFound) {
		return err
	}
	_, err = r.api.Groups.Create(r.ctx, g)
	return r.wrote(&r.result.Created.Groups, "group "+g.Name, err)
}

func (r *restorer) account(acc account.Account) error {
	if !valid(acc) {
		return r.bad("bad_record", "the account's id, group, user or number is damaged")
	}
	_, err := r.api.Accounts.ByID(r.ctx, acc.ID)
	if err == nil {
		return r.there("account " + acc.User)
	}
	if !errors.Is(err, account.ErrNotFound) {
		return err
	}
	if _, err := r.api.Groups.ByID(r.ctx, acc.Group); err != nil {
		if errors.Is(err, account.ErrNotFound) {
			return r.bad("bad_record", "the account's group is not in the export before it")
		}
		return err
	}
	_, err = r.api.Accounts.Create(r.ctx, acc)
	return r.wrote(&r.result.Created.Accounts, "account "+acc.User, err)
}

// valid keeps out what no other door would let in: keys are built from these.
func valid(acc account.Account) bool {
	if _, err := account.ParseUser(acc.User); err != nil || !acc.ID.Valid() || !acc.Group.Valid() {
		return false
	}
	for _, n := range acc.Numbers() {
		if m, err := account.ParseNumber(string(n)); err != nil || m != n {
			return false
		}
	}
	return acc.Language.Known() && (acc.Kind == account.PGSM || acc.Kind == account.SNOM)
}

func (r *restorer) token(t account.Token) error {
	if t.ID == "" || len(t.Hash) != sha256.Size || !web.Known(t.Role) {
		return r.bad("bad_record", "the token's id, role or hash is damaged")
	}
	if r.tokens[t.ID] {
		return r.there("token " + t.Name)
	}
	_, err := r.api.Tokens.Create(r.ctx, t)
	return r.wrote(&r.result.Created.Tokens, "token "+t.Name, err)
}

func (r *restorer) clip(x exportClip) error {
	name := "clip " + x.Language + "/" + x.Prompt
	if _, ok := r.api.shipped[clipKey{x.Language, x.Prompt}]; !ok {
		return r.bad("bad_record", name+" has a prompt or language that is unknown here")
	}
	_, _, err := r.api.Clips.Get(r.ctx, x.Prompt, x.Language)
	if err == nil {
		return r.there(name)
	}
	if !errors.Is(err, account.ErrNotFound) {
		return err
	}
	if _, err := r.api.Check(bytes.NewReader(x.WAV)); err != nil {
		return r.bad("bad_wav", name+": "+err.Error())
	}
	sum := sha256.Sum256(x.WAV)
	_, err = r.api.Clips.Put(r.ctx, account.ClipFile{
		Prompt: x.Prompt, Language: x.Language, SHA256: hex.EncodeToString(sum[:]), Size: len(x.WAV), Uploaded: x.Uploaded, By: x.By,
	}, x.WAV)
	return r.wrote(&r.result.Created.Clips, name, err)
}
