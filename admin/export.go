package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/seal"
)

// exportFormat rises when a reader of the old one could misread the new one.
const exportFormat = 1

const ndjson = "application/x-ndjson"

// exportPage is how many accounts are read at once.
const exportPage = 200

// entry is one line of an export: a header first, then records, then the end, without which the file is cut off.
// Credentials are sealed and tokens hashed in it, as in the store: without the root key it lets nobody in.
type entry struct {
	Header  *exportHeader    `json:"header,omitempty"`
	Profile *account.Profile `json:"profile,omitempty"`
	Group   *account.Group   `json:"group,omitempty"`
	Account *account.Account `json:"account,omitempty"`
	Token   *account.Token   `json:"token,omitempty"`
	Clip    *exportClip      `json:"clip,omitempty"`
	End     *counts          `json:"end,omitempty"`
}

// records is how many of the members are set.
func (e entry) records() (n int) {
	for _, is := range []bool{e.Header != nil, e.Profile != nil, e.Group != nil, e.Account != nil, e.Token != nil, e.Clip != nil, e.End != nil} {
		if is {
			n++
		}
	}
	return n
}

type exportHeader struct {
	Format  int       `json:"format"`
	Version string    `json:"version"` // of the program that wrote it
	At      time.Time `json:"at"`
	Root    seal.Box  `json:"root,omitempty"` // opens under the root key that the accounts' passwords are sealed with
}

type exportClip struct {
	Prompt   string    `json:"prompt"`
	Language string    `json:"language"`
	Uploaded time.Time `json:"uploaded_at"`
	By       string    `json:"uploaded_by"`
	WAV      []byte    `json:"wav"` // base64
}

// counts is how many records of each kind there are.
type counts struct {
	Groups   int `json:"groups"`
	Profiles int `json:"profiles"`
	Accounts int `json:"accounts"`
	Tokens   int `json:"tokens"`
	Clips    int `json:"clips"`
}

func (n counts) String() string {
	return fmt.Sprintf("%d groups, %d profiles, %d accounts, %d tokens and %d clips", n.Groups, n.Profiles, n.Accounts, n.Tokens, n.Clips)
}

// export streams what an operator has made of the directory: profiles, groups, accounts, tokens, clips. Not in it are what
// passes (bindings, calls), the logs, what has a way of its own (desk phones, licences, operators, webhooks, messages, links),
// and the user names that stay taken for a while after their account was deleted: elsewhere they are free at once. It is not
// one instant: what is changed while it runs may be in it in either form.
func (a *API) export(c *gin.Context) error {
	ctx := c.Request.Context()
	groups, err := a.Groups.List(ctx) // before the first byte, so that a store that is away is still a clean refusal
	if err != nil {
		return err
	}
	c.Header("Content-Type", ndjson)
	c.Header("Content-Disposition", `attachment; filename="sipward-export.jsonl"`)
	c.Status(http.StatusOK)
	x := exporter{api: a, out: json.NewEncoder(c.Writer)}
	x.write(entry{Header: &exportHeader{Format: exportFormat, Version: a.Version, At: a.Now().UTC(), Root: a.Ring.Seal(exportSeal, nil)}})
	x.profiles(ctx)
	for _, g := range groups {
		x.write(entry{Group: &g})
		x.n.Groups++
	}
	x.accounts(ctx)
	x.tokens(ctx)
	x.clips(ctx)
	x.write(entry{End: &x.n})
	if x.err != nil {
		_ = c.Error(x.err)          // for the log; the answer has begun and cannot become a problem
		panic(http.ErrAbortHandler) // the client sees a broken transfer, and a file without its end
	}
	return nil
}

// exporter keeps the first error and does nothing after it.
type exporter struct {
	api *API
	out *json.Encoder
	n   counts
	err error
}

func (x *exporter) write(e entry) {
	if x.err == nil {
		x.err = x.out.Encode(e)
	}
}

func (x *exporter) accounts(ctx context.Context) {
	for cursor := ""; x.err == nil; {
		page, err := x.api.Accounts.List(ctx, account.Filter{}, cursor, exportPage)
		if err != nil {
			x.err = err
			return
		}
		for _, acc := range page.Items {
			x.write(entry{Account: &acc})
			x.n.Accounts++
		}
		if cursor = page.Next; cursor == "" {
			return
		}
	}
}

func (x *exporter) tokens(ctx context.Context) {
	if x.err != nil {
		return
	}
	var tokens []account.Token
	tokens, x.err = x.api.Tokens.List(ctx)
	for _, t := range tokens {
		x.write(entry{Token: &t})
		x.n.Tokens++
	}
}

func (x *exporter) clips(ctx context.Context) {
	if x.err != nil {
		return
	}
	var files []account.ClipFile
	files, x.err = x.api.Clips.List(ctx)
	for _, f := range files {
		_, wav, err := x.api.Clips.Get(ctx, f.Prompt, f.Language)
		if err != nil {
			x.err = err
			return
		}
		x.write(entry{Clip: &exportClip{Prompt: f.Prompt, Language: f.Language, Uploaded: f.Uploaded.UTC(), By: f.By, WAV: wav}})
		x.n.Clips++
	}
}
