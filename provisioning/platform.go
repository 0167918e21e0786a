package provisioning

import (
	"net/http"
	"strings"
)

// The platforms that a page tells apart.
const (
	onIOS     = "ios"
	onAndroid = "android"
	onDesktop = "desktop"
	onUnknown = "unknown"
)

// platform tells from what the browser says of itself which store fits. Safari on an iPad calls itself a Macintosh, so a
// Safari on a Macintosh is unknown: it gets both stores.
func platform(r *http.Request) string {
	agent, hint := r.UserAgent(), strings.Trim(r.Header.Get("Sec-CH-UA-Platform"), `"`)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(agent, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("Android") || hint == "Android":
		return onAndroid
	case has("iPhone", "iPod", "iPad") || hint == "iOS":
		return onIOS
	case hint == "Windows" || hint == "macOS" || hint == "Linux" || hint == "Chrome OS":
		return onDesktop
	case has("Macintosh") && has("Chrome/", "Firefox/"):
		return onDesktop
	case has("Windows NT", "X11;", "CrOS"):
		return onDesktop
	}
	return onUnknown
}

// machines are words in the User-Agent of who looks at links before people do: previews of messengers, scanners of
// mail, tools. A machine that hides is no danger: looking changes nothing.
var machines = []string{
	"bot", "crawl", "spider", "preview", "facebookexternalhit", "whatsapp", "slack", "skypeuripreview", "google-", "googleimageproxy",
	"bingpreview", "headlesschrome", "phantomjs", "curl/", "wget/", "python-", "go-http-client", "okhttp", "java/", "libwww", "scanner",
	"proofpoint", "mimecast", "barracuda", "safelinks", "feedfetcher", "embedly", "vkshare", "outlook-", "microsoft office", "axios/", "node-fetch",
}

// machine reports whether a look is a preview and not a person's.
func machine(r *http.Request) bool {
	if r.Method == http.MethodHead || prefetch(r) {
		return true
	}
	agent := strings.ToLower(r.UserAgent())
	if !strings.HasPrefix(agent, "mozilla/") {
		return true // every browser that people use begins so
	}
	for _, w := range machines {
		if strings.Contains(agent, w) {
			return true
		}
	}
	return false
}

// prefetch reports whether a browser asks for a page that nobody has asked it for yet.
func prefetch(r *http.Request) bool {
	for _, h := range []string{"Purpose", "Sec-Purpose", "X-Purpose", "X-Moz"} {
		if v := strings.ToLower(r.Header.Get(h)); strings.Contains(v, "prefetch") || strings.Contains(v, "prerender") || strings.Contains(v, "preview") {
			return true
		}
	}
	return false
}
