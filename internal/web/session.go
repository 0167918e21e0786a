package web

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
)

// The names of the session's cookie. With the prefix __Host- a browser takes it only over TLS, for this very host and the
// whole of it; a browser that speaks plain HTTP to loopback would not keep such a cookie, so there it has another name.
const (
	secureCookie = "__Host-sipward"
	plainCookie  = "sipward_session"
)

// CSRFHeader carries the session's CSRF token in every change that a cookie lets in.
const CSRFHeader = "X-CSRF-Token"

// The keys under which a request carries what the floor knows of it.
const (
	secureKey  = "sipward.secure"
	originsKey = "sipward.origins"
)

// secure reports whether the client speaks TLS, with us or with a proxy that the configuration lists.
func (f *floor) secure(c *gin.Context) bool {
	if c.Request.TLS != nil {
		return true
	}
	peer, err := netip.ParseAddr(c.RemoteIP())
	trusted := err == nil && slices.ContainsFunc(f.proxies, func(p netip.Prefix) bool { return p.Contains(peer.Unmap()) })
	return trusted && c.GetHeader("X-Forwarded-Proto") == "https"
}

// Secure reports whether the client speaks TLS.
func Secure(c *gin.Context) bool { return c.GetBool(secureKey) }

func cookieName(c *gin.Context) string {
	if Secure(c) {
		return secureCookie
	}
	return plainCookie
}

func sessionCookie(c *gin.Context) string {
	cookie, err := c.Request.Cookie(cookieName(c))
	if err != nil || len(cookie.Value) > 100 {
		return ""
	}
	return cookie.Value
}

// SetSession gives the browser a session's cookie; it ends with the browser, or at until. An empty value takes it away.
func SetSession(c *gin.Context, value account.Secret, until time.Time) {
	cookie := &http.Cookie{
		Name: cookieName(c), Value: value.Reveal(), Path: "/", Secure: Secure(c), HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
	if value == "" {
		cookie.MaxAge = -1
	} else if !until.IsZero() {
		cookie.Expires = until
	}
	http.SetCookie(c.Writer, cookie)
}

// checkCSRF admits a change that a cookie lets in: it must come from a page of ours and know the session's token.
func checkCSRF(c *gin.Context, token string) error {
	switch c.Request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	if err := SameOrigin(c); err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(c.GetHeader(CSRFHeader)), []byte(token)) != 1 {
		return problem(http.StatusForbidden, "csrf", "Not from a page of ours",
			"send the csrf_token of GET /api/v1/session in X-CSRF-Token (or use a bearer token)")
	}
	return nil
}

// SameOrigin refuses what a page of another site sent: by Sec-Fetch-Site, and by Origin against the host that was asked
// or one the configuration names. What is sent by no browser has neither, and no cookie that it did not ask for.
func SameOrigin(c *gin.Context) error {
	refuse := func(what string) error {
		return problem(http.StatusForbidden, "foreign_origin", "Not from a page of ours",
			fmt.Sprintf("%s: send it from the console's own page, or name its address in admin.url", what))
	}
	origin := c.GetHeader("Origin")
	origins, _ := c.Get(originsKey)
	if listed, _ := origins.([]string); origin != "" && slices.Contains(listed, origin) {
		return nil
	}
	if site := c.GetHeader("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return refuse("the browser says that another site's page sent this")
	}
	if origin == "" {
		return nil
	}
	if u, err := url.Parse(origin); err != nil || u.Host == "" || u.Host != c.Request.Host {
		return refuse("Origin is not the host that was asked")
	}
	return nil
}

func prefixes(list []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, err := netip.ParseAddr(s)
			if err != nil {
				return nil, fmt.Errorf("trusted proxies: %q: list addresses or CIDRs", s)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		all = append(all, p)
	}
	return all, nil
}
