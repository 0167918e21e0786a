package provisioning

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"html/template"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
)

// visitor is the browser's cookie, a new one if it has none. It is also the key by which the same browser gets the same
// answer again.
func (a *API) visitor(c *gin.Context) string {
	v, err := c.Cookie(formCookie)
	if err == nil && len(v) == account.LinkTokenSize {
		return v
	}
	token, _ := account.NewLinkToken()
	v = token.Reveal()
	http.SetCookie(c.Writer, &http.Cookie{
		Name: formCookie, Value: v, Path: "/", MaxAge: int(formLife / time.Second), Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	return v
}

// nonce binds a form to a visitor and a link.
func (a *API) nonce(visitor, token string) string {
	m := hmac.New(sha256.New, a.FormKey)
	_, _ = m.Write([]byte(visitor + "\x00" + token)) // a hash never fails
	return hex.EncodeToString(m.Sum(nil))
}

// redeemForm is a person's tap on the page's button.
func (a *API) redeemForm(c *gin.Context) error {
	visitor, err := c.Cookie(formCookie)
	if err != nil || !hmac.Equal([]byte(c.PostForm("nonce")), []byte(a.nonce(visitor, c.Param("token")))) {
		p := a.page(c, "")
		p.Title, p.Lead = p.W.Stale, p.W.StaleLead
		return a.show(c, http.StatusForbidden, "note.html", p)
	}
	hash, id, err := a.owner(c)
	if err != nil {
		return a.turnAway(c, err)
	}
	got, err := a.redemption(c.Request.Context(), hash, id, deviceBody{Name: "browser", Platform: platform(c.Request), Key: visitor}, true)
	if err != nil {
		return a.turnAway(c, err)
	}
	conf, err := a.configure(c.Request.Context(), got.account)
	if err != nil {
		return err
	}
	p := a.page(c, got.account.Language)
	p.Title, p.Config, p.At, p.Account = p.W.Done, conf.with(got.secrets), conf.preferred(), got.account
	address := a.url("/a/" + got.once.Reveal() + "/linphone.xml")
	if err := p.code(address); err != nil {
		return err
	}
	p.Open = template.URL("linphone-config:" + address)
	return a.show(c, http.StatusOK, "done.html", p)
}
