package access

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/pquerna/otp/hotp"

	"sipward/internal/account"
	"sipward/internal/operator"
	"sipward/internal/web"
)

const (
	stepSeconds   = 30 // RFC 6238's default, which all authenticator apps use
	stepsAside    = 1  // how far clocks may be apart
	recoveryCodes = 10
	ticketLife    = 5 * time.Minute
)

// ticket is what a right password is good for while the second factor is awaited. It is sealed, so nothing is kept.
type ticket struct {
	Operator string    `json:"operator"`
	Password []byte    `json:"password"` // SHA-256 of the stored hash: a change of password ends the ticket
	Source   string    `json:"source"`
	Until    time.Time `json:"until"`
}

const ticketUse = "sign-in ticket"

// askCode answers a right password with 202 and a ticket.
func (a *API) askCode(c *gin.Context, o operator.Operator) error {
	sum := sha256.Sum256([]byte(o.Password))
	b, err := json.Marshal(ticket{Operator: o.ID, Password: sum[:], Source: c.ClientIP(), Until: a.Now().Add(ticketLife)})
	if err != nil {
		return err
	}
	c.JSON(http.StatusAccepted, map[string]any{"needs": "totp", "ticket": a.Ring.Seal(ticketUse, b)})
	return nil
}

type codeBody struct {
	Ticket web.Opt[[]byte] `json:"ticket"`
	Code   web.Opt[string] `json:"code"`
}

// signInCode is the second step: the ticket of the first and a code.
func (a *API) signInCode(c *gin.Context) error {
	if err := web.SameOrigin(c); err != nil {
		return err
	}
	var b codeBody
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	gone := web.Unauthorised("the ticket has run out or is for another address: begin again with name and password")
	var t ticket
	plain, err := a.Ring.Open(ticketUse, b.Ticket.Value)
	if err != nil || json.Unmarshal(plain, &t) != nil || !a.Now().Before(t.Until) || t.Source != c.ClientIP() {
		return gone
	}
	o, err := a.Operators.ByID(c.Request.Context(), t.Operator)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256([]byte(o.Password)); subtle.ConstantTimeCompare(sum[:], t.Password) != 1 {
		return gone
	}
	try := newAttempt(c, o.Name, "totp")
	leave, err := a.begin(c, try)
	if err != nil {
		return err
	}
	defer leave()
	return a.start(c, try, o, func(o *operator.Operator) error {
		if o.Guarded() && !a.useCode(o, b.Code.Value) {
			return errCode
		}
		return nil
	})
}

// useCode checks a code and uses it up: it changes o.
func (a *API) useCode(o *operator.Operator, code string) bool {
	code = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(code), " ", ""))
	if len(code) != 6 {
		return useRecovery(o.Factor, code)
	}
	secret, err := a.Ring.Open(factorUse(o.ID), o.Factor.Secret)
	if err != nil {
		a.Log.Error("the second factor of an operator does not open: its root key is gone; a superadmin must remove it", "operator", o.Name, "err", err)
		return false
	}
	now := a.Now().Unix() / stepSeconds
	for step := max(now-stepsAside, o.Factor.Step+1); step <= now+stepsAside; step++ {
		want, err := hotp.GenerateCode(base32.StdEncoding.EncodeToString(secret), uint64(step))
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			o.Factor.Step = step
			return true
		}
	}
	return false
}

func useRecovery(f *operator.Factor, code string) bool {
	sum := sha256.Sum256([]byte(strings.ReplaceAll(code, "-", "")))
	for i, left := range f.Recovery {
		if subtle.ConstantTimeCompare(left, sum[:]) == 1 {
			f.Recovery = slices.Delete(f.Recovery, i, i+1)
			return true
		}
	}
	return false
}

func factorUse(operator string) string { return "totp/" + operator }

type confirmBody struct {
	Password web.Opt[string] `json:"password"`
}

// beginFactor makes a second factor that is not asked for yet, and shows its secret this once.
func (a *API) beginFactor(c *gin.Context) error {
	who, err := signedIn(c)
	if err != nil {
		return err
	}
	var b confirmBody
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	if _, err := a.confirm(c, who, "/password", b.Password.Value); err != nil {
		return err
	}
	secret := make([]byte, 20) // RFC 4226 section 4, R6
	_, _ = rand.Read(secret)
	_, err = a.Operators.Update(c.Request.Context(), who.ID, func(o *operator.Operator) error {
		if o.Guarded() {
			return web.Conflict("factor_there", "there is a second factor already: remove it first")
		}
		o.Factor = &operator.Factor{Secret: a.Ring.Seal(factorUse(o.ID), secret)}
		return nil
	})
	if err != nil {
		return err
	}
	text := base32.StdEncoding.EncodeToString(secret)
	link := url.URL{
		Scheme: "otpauth", Host: "totp", Path: "/" + a.config.Name + ":" + who.Name,
		RawQuery: url.Values{"secret": {text}, "issuer": {a.config.Name}}.Encode(),
	}
	svg, err := a.QR(link.String())
	if err != nil {
		return err
	}
	c.JSON(http.StatusCreated, map[string]string{"secret": text, "url": link.String(), "qr_svg": svg})
	return nil
}

type oneCode struct {
	Code web.Opt[string] `json:"code"`
}

// confirmFactor takes the first code; from then on signing in needs one. The recovery codes are shown this once.
func (a *API) confirmFactor(c *gin.Context) error {
	who, err := signedIn(c)
	if err != nil {
		return err
	}
	var b oneCode
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	shown, hashes := newRecovery()
	_, err = a.Operators.Update(c.Request.Context(), who.ID, func(o *operator.Operator) error {
		switch {
		case o.Factor == nil || o.Guarded():
			return web.Conflict("no_factor", "there is no second factor to confirm: begin with POST /api/v1/session/totp")
		case !a.useCode(o, b.Code.Value):
			return web.Faults{{Pointer: "/code", Code: "wrong", Message: "is not what the authenticator shows now: check the clock of the phone, and try the next one"}}.Err()
		}
		o.Factor.Confirmed, o.Factor.Recovery = true, hashes
		return nil
	})
	if err != nil {
		return err
	}
	if err := a.note(c, newAttempt(c, who.Name, "totp"), who.ID, operator.Enrolled); err != nil {
		return err
	}
	c.JSON(http.StatusOK, map[string]any{"recovery_codes": shown})
	return nil
}

func newRecovery() (shown []string, hashes [][]byte) {
	for range recoveryCodes {
		t := strings.ToLower(rand.Text()[:16]) // 80 bits: one SHA-256 is all the hashing they need
		sum := sha256.Sum256([]byte(t))
		shown = append(shown, t[:4]+"-"+t[4:8]+"-"+t[8:12]+"-"+t[12:])
		hashes = append(hashes, sum[:])
	}
	return shown, hashes
}

// removeMyFactor takes the operator's own second factor away.
func (a *API) removeMyFactor(c *gin.Context) error {
	who, err := signedIn(c)
	if err != nil {
		return err
	}
	var b confirmBody
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	if _, err := a.confirm(c, who, "/password", b.Password.Value); err != nil {
		return err
	}
	return a.dropFactor(c, who.ID)
}

// removeFactor is for a superadmin whose colleague has lost the phone and the codes.
func (a *API) removeFactor(c *gin.Context) error {
	if err := web.BindOptional(c, &struct{}{}); err != nil {
		return err
	}
	return a.dropFactor(c, c.Param("id"))
}

func (a *API) dropFactor(c *gin.Context, id string) error {
	o, err := a.Operators.Update(c.Request.Context(), id, func(o *operator.Operator) error {
		if o.Factor == nil {
			return account.ErrNotFound
		}
		o.Factor = nil
		return nil
	})
	if err != nil {
		return err
	}
	if err := a.note(c, newAttempt(c, o.Name, "totp"), o.ID, operator.Removed); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
