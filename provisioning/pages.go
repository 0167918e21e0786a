package provisioning

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/provisioning/qr"
)

//go:embed templates static
var files embed.FS

// formCookie holds what binds a page's form to its visitor. The prefix makes browsers insist on Secure and Path=/.
const (
	formCookie = "__Host-sipward-form"
	formLife   = 15 * time.Minute
)

// pages are the templates with their one style sheet, which stands in the page: nothing else is fetched, so that the
// policy allows nothing but this very sheet, by its hash.
type pages struct {
	all    *template.Template
	style  template.CSS
	policy string
}

func newPages() (*pages, error) {
	css, err := files.ReadFile("static/page.css")
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(css)
	all, err := template.ParseFS(files, "templates/*.html")
	return &pages{all: all, style: template.CSS(css), policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"}, err
}

// page is what the templates show.
type page struct {
	W        words
	Lang     account.Language
	Class    string // of the page as a whole, for its style
	Style    template.CSS
	Title    string
	Server   string
	App      App
	Platform string
	QR       template.HTML // our own SVG
	Open     template.URL  // of a scheme that the configuration names
	Nonce    string
	Account  account.Account
	Config   clientConfig
	At       Transport
	Address  string
	Until    string
	Lead     string
}

func (a *API) page(c *gin.Context, def account.Language) page {
	l := speak(c.GetHeader("Accept-Language"), def)
	return page{W: wordsOf(l), Lang: l, Style: a.pages.style, Server: a.config.Name, App: a.config.App, Platform: platform(c.Request)}
}

// guard sets what every answer about a link carries.
func guard(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("X-Robots-Tag", "noindex, nofollow")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
}

// show writes a page; a HEAD gets the same headers.
func (a *API) show(c *gin.Context, status int, name string, p page) error {
	var b bytes.Buffer
	if err := a.pages.all.ExecuteTemplate(&b, name, p); err != nil {
		return err
	}
	guard(c)
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", a.pages.policy)
	h.Set("Vary", "Accept-Language, User-Agent")
	c.Data(status, "text/html; charset=utf-8", b.Bytes())
	return nil
}

// turnAway says that a link is not valid, or its account disabled. The page for links that are not valid is the same
// whatever the reason.
func (a *API) turnAway(c *gin.Context, err error) error {
	p := a.page(c, "")
	switch {
	case errors.Is(err, account.ErrGone), errors.Is(err, account.ErrNotFound):
		p.Title, p.Lead = p.W.Gone, p.W.GoneLead
		return a.show(c, http.StatusGone, "note.html", p)
	case errors.Is(err, account.ErrDisabled):
		p.Title, p.Lead = p.W.Stopped, p.W.StoppedLead
		return a.show(c, http.StatusForbidden, "note.html", p)
	}
	return err
}

// look finds the living link behind a page and counts the look; it never uses the link up.
func (a *API) lookAt(c *gin.Context, p account.Purpose) (acc account.Account, l account.Link, err error) {
	ctx := c.Request.Context()
	hash, id, err := a.owner(c)
	if err != nil {
		return acc, l, err
	}
	bot, on, now := machine(c.Request), platform(c.Request), a.Now().UTC()
	acc, j, err := a.Activations.Journal(ctx, id)
	if err != nil {
		return acc, l, err
	}
	found := j.Link(hash, p)
	if found == nil || found.State(now) != account.LinkLive {
		return acc, l, account.ErrGone
	}
	if acc.Suspended != nil {
		return acc, l, account.ErrDisabled
	}
	if !j.Open(hash, p, bot, on, now) {
		return acc, *found, nil
	}
	acc, _, err = a.Activations.Update(ctx, id, func(_ *account.Account, j *account.Journal) error {
		j.Open(hash, p, bot, on, now)
		return nil
	})
	return acc, *found, err
}

func (a *API) installationPage(c *gin.Context) error {
	acc, _, err := a.lookAt(c, account.ToInstall)
	if err != nil {
		return a.turnAway(c, err)
	}
	p := a.page(c, acc.Language)
	p.Title = p.W.Install
	if err := p.code(a.url("/i/" + c.Param("token"))); err != nil {
		return err
	}
	return a.show(c, http.StatusOK, "installation.html", p)
}

func (a *API) activationPage(c *gin.Context) error {
	acc, _, err := a.lookAt(c, account.ToActivate)
	if err != nil {
		return a.turnAway(c, err)
	}
	p := a.page(c, acc.Language)
	p.Title = p.W.Activate
	address := a.url("/a/" + c.Param("token"))
	if err := p.code(address); err != nil {
		return err
	}
	if a.config.App.Scheme != "" {
		p.Open = template.URL(a.config.App.Scheme + "://activate?link=" + url.QueryEscape(address)) // the scheme is checked by App.Validate
	}
	p.Nonce = a.nonce(a.visitor(c), c.Param("token"))
	return a.show(c, http.StatusOK, "activation.html", p)
}

func (p *page) code(text string) error {
	code, err := qr.Encode(text)
	p.QR = template.HTML(code.SVG())
	return err
}

// sheet is an invitation to print and hand over.
func (a *API) sheet(c *gin.Context, acc account.Account, l account.Link, address string, code qr.Code) error {
	p := a.page(c, acc.Language)
	p.W, p.Lang = wordsOf(acc.Language), acc.Language // the reader's language, not the operator's
	p.Title, p.Class, p.Account, p.Address, p.QR = p.W.Sheet, "sheet", acc, address, template.HTML(code.SVG())
	p.Until = l.Expires.UTC().Format("2006-01-02 15:04") + " UTC"
	return a.show(c, http.StatusCreated, "sheet.html", p)
}

// plainText keeps a name from breaking a line of a letter.
func plainText(s string) string { return strings.Join(strings.Fields(s), " ") }
