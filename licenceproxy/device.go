package licenceproxy

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/licence"
	"sipward/internal/web"
)

const (
	maxBody = 4 << 10 // bytes of a request
	maxCode = 64      // characters of an OEM code
	jose    = "application/jose"
)

// Routes is the table of the public listener.
func (p *Proxy) Routes() []web.Route {
	return []web.Route{{Method: http.MethodPost, Path: "/v1/licence", Role: web.Public, MaxBody: maxBody, Handle: p.serve}}
}

// request is a phone's question; both members may be absent.
type request struct {
	Product web.Opt[string] `json:"product"`
	OEMCode web.Opt[string] `json:"oem_code"`
}

// serve answers a phone: who, may it, which, then the cache.
func (p *Proxy) serve(c *gin.Context) error {
	a, _, err := p.Devices.Who(c)
	if err != nil {
		return err
	}
	if err := a.May(account.Fetch); err != nil { // before the cache: a warm one lets nobody in
		return err
	}
	if byHand(a) {
		return p.errDirect(c)
	}
	k, oem, err := p.question(c, a)
	if err != nil {
		return err
	}
	s, err := p.current(c.Request.Context(), k, oem)
	if err != nil {
		return err
	}
	p.answer(c, s)
	return nil
}

// byHand reports an account that asks the vendor itself.
func byHand(a account.Account) bool {
	return a.Activated != nil && a.Activated.Method == account.ByHand
}

func (p *Proxy) question(c *gin.Context, a account.Account) (key, string, error) {
	var r request
	if c.Request.ContentLength != 0 {
		if err := web.BindOptional(c, &r); err != nil {
			return key{}, "", err
		}
	}
	product, err := p.product(r.Product.Value)
	if err != nil {
		return key{}, "", err
	}
	if err := account.CheckText(r.OEMCode.Value, maxCode); err != nil {
		var f web.Faults
		f.Add("/oem_code", "invalid", err.Error())
		return key{}, "", f.Err()
	}
	return key{a.ID, product}, r.OEMCode.Value, nil
}

// answer writes the document: alone for Accept: application/jose, else in JSON that was rendered when it was read.
func (p *Proxy) answer(c *gin.Context, s served) {
	p.metrics.served[s.state].Inc()
	h := c.Writer.Header()
	h["Licence-State"] = []string{string(s.state)}
	if s.state == licence.Grace {
		h.Set("Warning", `110 sipward "the licence server does not answer"`)
	}
	if c.GetHeader("Accept") == jose {
		c.Data(http.StatusOK, jose, []byte(s.entry.Raw))
		return
	}
	body := s.bodies[slices.Index(states[:], s.state)]
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	c.Status(http.StatusOK)
	_, _ = c.Writer.Write(body) // the phone has gone: nothing to do
}

// answered is the body of an answer.
type answered struct {
	Licence   string        `json:"licence"` // the document, byte for byte
	State     licence.State `json:"state"`
	Warning   string        `json:"warning,omitempty"`
	Product   string        `json:"product"`
	Edition   string        `json:"edition"`
	Features  []string      `json:"features"`
	Serial    uint64        `json:"serial"`
	Issued    time.Time     `json:"issued_at"`
	Expires   time.Time     `json:"expires_at"`
	Confirmed time.Time     `json:"confirmed_at"`
}

// render makes the body for a state once, for all who ask.
func render(h *held, state licence.State) []byte {
	b := answered{Licence: h.entry.Raw, State: state, Product: h.doc.Product, Edition: h.doc.Edition, Features: h.doc.Features,
		Serial: h.doc.Serial, Issued: h.doc.Issued, Expires: h.doc.Expires, Confirmed: h.entry.Confirmed.UTC()}
	if b.Features == nil {
		b.Features = []string{}
	}
	if state == licence.Grace {
		b.Warning = "the licence server does not answer: this document was not confirmed lately"
	}
	body, err := json.Marshal(b)
	if err != nil {
		panic(err) // strings, numbers and times within the years that JSON knows
	}
	return body
}

// errDirect sends an account made by hand to the vendor.
func (p *Proxy) errDirect(c *gin.Context) error {
	detail := "this account was made by hand: its phone asks the vendor's licence server itself"
	if p.config.Direct != "" {
		c.Header("Link", "<"+p.config.Direct+`>; rel="alternate"`)
		detail += ", " + p.config.Direct
	}
	return web.Refusal(http.StatusForbidden, "licence_direct", "Ask the vendor itself", detail)
}

func errNone() error {
	return web.Refusal(http.StatusNotFound, "no_licence", "There is no licence", "the vendor has no licence for this account: buy one, then ask again in some minutes")
}

func errNoVendor() error {
	return web.Later("licence_unavailable", "No licence can be given now",
		"no licence server is configured and none was imported: the operator sets licence.upstream, or imports a document", time.Minute, nil)
}

// unavailable is the end of grace; the phone is told when asking again may help.
func (p *Proxy) unavailable(k key, cause error) error {
	if errors.Is(cause, account.ErrNotFound) {
		return cause // the account was deleted meanwhile
	}
	wait := time.Duration(p.memory.slot(k).next.Load() - p.Now().UnixNano())
	if wait > maxRetryAfter {
		wait = 0
	}
	return web.Later("licence_unavailable", "No licence can be given now", "the licence server does not answer: ask again as Retry-After says", wait, cause)
}
