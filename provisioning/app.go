package provisioning

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"

	"github.com/gin-gonic/gin"

	"sipward/internal/web"
)

// App is the mobile app that links open.
type App struct {
	Name                string   // what pages call it
	Scheme              string   // its URL scheme, for phones without universal links; empty: no such button
	AppleStore          string   // https address in Apple's store
	AndroidStore        string   // https address in Google's store
	AppleIDs            []string // TEAMID.bundle.id, for universal links
	AndroidPackage      string   // for app links
	AndroidFingerprints []string // SHA-256 of its signing certificates, colon-separated hex
}

var (
	reScheme      = regexp.MustCompile(`^[a-z][a-z0-9+.-]{1,30}$`)
	reAppleID     = regexp.MustCompile(`^[A-Z0-9]{10}\.[A-Za-z0-9.-]+$`)
	rePackage     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+$`)
	reFingerprint = regexp.MustCompile(`^([0-9A-F]{2}:){31}[0-9A-F]{2}$`)
)

// Validate returns every fault, each one line that names the key and the mend.
func (a App) Validate() (faults []error) {
	check := func(ok bool, message string) {
		if !ok {
			faults = append(faults, errors.New(message))
		}
	}
	check(a.Scheme == "" || reScheme.MatchString(a.Scheme) && a.Scheme != "javascript" && a.Scheme != "data", "app.scheme: want the app's own URL scheme, for example pgsm")
	for key, s := range map[string]string{"app.apple_store": a.AppleStore, "app.android_store": a.AndroidStore} {
		u, err := url.Parse(s)
		check(s == "" || err == nil && u.Scheme == "https" && u.Host != "", key+": must begin with https://")
	}
	for _, id := range a.AppleIDs {
		check(reAppleID.MatchString(id), "app.apple_ids: want TEAMID.bundle.id, for example ABCDE12345.com.example.phone")
	}
	check(a.AndroidPackage == "" || rePackage.MatchString(a.AndroidPackage), "app.android_package: want for example com.example.phone")
	for _, f := range a.AndroidFingerprints {
		check(reFingerprint.MatchString(f), "app.android_fingerprints: want the SHA-256 of the signing certificate, 32 pairs of upper-case hex with colons")
	}
	check((a.AndroidPackage == "") == (len(a.AndroidFingerprints) == 0), "app.android_package and app.android_fingerprints: give both, or neither")
	return faults
}

// appleLinks lets the app open our links on iOS (universal links).
func (a *API) appleLinks(c *gin.Context) error {
	if len(a.config.App.AppleIDs) == 0 {
		return notConfigured()
	}
	c.JSON(http.StatusOK, gin.H{"applinks": gin.H{"details": []gin.H{{
		"appIDs":     a.config.App.AppleIDs,
		"components": []gin.H{{"/": "/a/*/*", "exclude": true}, {"/": "/a/*"}, {"/": "/i/*"}},
	}}}})
	return nil
}

// androidLinks lets the app open our links on Android (app links).
func (a *API) androidLinks(c *gin.Context) error {
	if a.config.App.AndroidPackage == "" {
		return notConfigured()
	}
	c.JSON(http.StatusOK, []gin.H{{
		"relation": []string{"delegate_permission/common.handle_all_urls"},
		"target": gin.H{
			"namespace": "android_app", "package_name": a.config.App.AndroidPackage, "sha256_cert_fingerprints": a.config.App.AndroidFingerprints,
		},
	}})
	return nil
}

func notConfigured() error { return web.NotFound("app: no app is configured for links") }
