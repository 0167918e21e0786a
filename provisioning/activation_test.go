package provisioning_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/apitest"
)

const browser = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Mobile Safari/537.36"

// visit asks the public listener; the Host header is never the configured one.
func visit(t *testing.T, api *apitest.API, method, path string, body io.Reader, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, strings.TrimPrefix(path, apitest.BaseURL), body)
	r.Host = "evil.example"
	r.Header.Set("X-Forwarded-Host", "evil.example")
	r.Header.Set("User-Agent", browser)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	api.Public.ServeHTTP(w, r)
	if strings.Contains(w.Body.String(), "evil.example") {
		t.Errorf("%s %s repeats the Host header", method, path)
	}
	return w
}

// invited is a wizard account and its activation link.
func invited(t *testing.T, api *apitest.API, more map[string]any) (id, link string) {
	t.Helper()
	body := map[string]any{"way": "wizard", "profile_id": "default"}
	for k, v := range more {
		body[k] = v
	}
	id = api.Account(api.Group("Sales "+string(account.NewID())), "Ann Smith", "+390212345678", body).Get("id")
	return id, newLink(t, api, id)
}

func newLink(t *testing.T, api *apitest.API, id string) string {
	t.Helper()
	made := api.Do(apitest.Call{Method: http.MethodPost, Path: accounts + "/" + id + "/messages", Body: map[string]any{"kind": "activation", "channel": "link"}}).Want(201)
	link := made.Get("url")
	if !regexp.MustCompile(`^https://phones\.example/a/[0-9A-Za-z]{22}$`).MatchString(link) || !strings.HasPrefix(made.Get("qr_svg"), "<svg") {
		t.Fatalf("link %q", link)
	}
	return link
}

func appRedeems(t *testing.T, api *apitest.API, link, key string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	body := `{"device":{"name":"Pixel","platform":"android","app_version":"1.0","key":"` + key + `"}}`
	return visit(t, api, http.MethodPost, link, strings.NewReader(body), append([]string{"Content-Type", "application/json"}, header...)...)
}

func state(t *testing.T, api *apitest.API, id string) string {
	t.Helper()
	return api.Do(apitest.Call{Method: http.MethodGet, Path: accounts + "/" + id}).Want(200).Get("state")
}

// P2: previews change nothing, fifty redeem at once and one does, and the second answer is 410.
func TestALinkIsRedeemedOnce(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	id, link := invited(t, api, nil)
	for _, agent := range []string{"facebookexternalhit/1.1", "WhatsApp/2.23", "TelegramBot (like TwitterBot)", "Slackbot-LinkExpanding 1.0", "Mozilla/5.0 (compatible; bingbot/2.0)"} {
		if w := visit(t, api, http.MethodGet, link, nil, "User-Agent", agent); w.Code != 200 {
			t.Errorf("%s: %d", agent, w.Code)
		}
	}
	visit(t, api, http.MethodHead, link, nil)
	list := api.Do(apitest.Call{Method: http.MethodGet, Path: accounts + "/" + id + "/messages"}).Want(200)
	item := list.JSON()["items"].([]any)[0].(map[string]any)
	if item["previews"] != 6.0 || item["opened_at"] != nil || item["state"] != "live" || state(t, api, id) != "pending" {
		t.Errorf("after previews: %v", item)
	}
	codes := map[int]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			w := appRedeems(t, api, link, "")
			mu.Lock()
			defer mu.Unlock()
			codes[w.Code]++
		})
	}
	wg.Wait()
	t.Logf("redemptions of one link that succeeded, of 50: %d / limit 1", codes[200])
	if codes[200] != 1 || codes[410] != 49 || state(t, api, id) != "active" {
		t.Errorf("answers %v, state %s", codes, state(t, api, id))
	}
}

// The app gets all it needs; the password it gets is the account's, and no secret is in the log.
func TestTheAppIsConfigured(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	id, link := invited(t, api, map[string]any{"messaging": true})
	w := appRedeems(t, api, link, "device-key-1")
	var got struct {
		Format, Version string
		Account         struct{ User, Password string }
		Device          struct{ ID, Token string }
		Licence, Links  map[string]string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	acc, err := api.Store.Accounts.ByID(t.Context(), account.ID(id))
	if err != nil {
		t.Fatal(err)
	}
	ha1, err := acc.OpenHA1(api.Ring)
	if want := account.HashHA1(got.Account.User, apitest.Realm, account.Secret(got.Account.Password)); err != nil || ha1 != want {
		t.Errorf("the password given is not the account's: %v", err)
	}
	if got.Licence["mode"] != "server" || !strings.HasPrefix(got.Licence["url"], apitest.BaseURL) || acc.Keys.Granted.IsZero() {
		t.Errorf("licence %v, key grant %v", got.Licence, acc.Keys.Granted)
	}
	again := appRedeems(t, api, link, "device-key-1")
	if again.Code != 200 || again.Body.String() != w.Body.String() {
		t.Errorf("the same device, a moment later: %d", again.Code)
	}
	if other := appRedeems(t, api, link, "device-key-2"); other.Code != 410 {
		t.Errorf("another device: %d", other.Code)
	}
	now := visit(t, api, http.MethodGet, "/v1/config", nil, "Authorization", "Bearer "+got.Device.Token)
	if now.Code != 200 || strings.Contains(now.Body.String(), got.Account.Password) || !strings.Contains(now.Body.String(), got.Version) {
		t.Errorf("the configuration as it is now: %d %s", now.Code, now.Body)
	}
	if same := visit(t, api, http.MethodGet, "/v1/config", nil, "Authorization", "Bearer "+got.Device.Token, "If-None-Match", now.Header().Get("ETag")); same.Code != 304 {
		t.Errorf("unchanged: %d", same.Code)
	}
	view := api.Do(apitest.Call{Method: http.MethodGet, Path: accounts + "/" + id + "/profile"}).Want(200)
	if view.JSON()["in_sync"] != true {
		t.Errorf("not in sync: %s", view.Body)
	}
	api.Later(account.AnswerLife + time.Second)
	if late := appRedeems(t, api, link, "device-key-1"); late.Code != 410 {
		t.Errorf("the same device, eleven minutes later: %d", late.Code)
	}
	leaks := 0
	for _, canary := range []string{got.Account.Password, got.Device.Token, link[len(link)-22:]} { // P3
		leaks += strings.Count(api.Log.String(), canary)
	}
	t.Logf("secrets in the log: %d / limit 0", leaks)
	if leaks > 0 {
		t.Error("a secret is in the log")
	}
}

// An activation never lifts an operator's disable, and says so; nothing is used up.
func TestASuspendedAccountIsNotActivated(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	id, link := invited(t, api, nil)
	api.Do(apitest.Call{Method: http.MethodPost, Path: accounts + "/" + id + "/disable", Body: map[string]any{"reason": "lost"}})
	if w := appRedeems(t, api, link, "k"); w.Code != 403 || !strings.Contains(w.Body.String(), "disabled") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := visit(t, api, http.MethodGet, link, nil); w.Code != 403 {
		t.Errorf("page: %d", w.Code)
	}
	if state(t, api, id) != "disabled" {
		t.Error("it is not disabled any more")
	}
	api.Do(apitest.Call{Method: http.MethodPost, Path: accounts + "/" + id + "/enable"})
	if w := appRedeems(t, api, link, "k"); w.Code != 200 {
		t.Errorf("enabled again: %d", w.Code)
	}
}

// Unknown, expired, used and revoked are one answer.
func TestInvalidLinksAreAlike(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	id, former := invited(t, api, nil)
	used := newLink(t, api, id) // revokes the former
	appRedeems(t, api, used, "k")
	expired := newLink(t, api, id)
	api.Later(73 * time.Hour)
	id2 := regexp.MustCompile(`"request_id":"[^"]*"`)
	var pages, problems []string
	other := api.Do(apitest.Call{Method: http.MethodPost, Path: accounts + "/" + id + "/messages", Body: map[string]any{"kind": "installation", "channel": "link"}}).Want(201)
	mixed := strings.Replace(other.Get("url"), "/i/", "/a/", 1) // P6: a token of another purpose
	if w := visit(t, api, http.MethodGet, strings.Replace(newLink(t, api, id), "/a/", "/i/", 1), nil); w.Code != 410 {
		t.Errorf("an activation's token opens the installation page: %d", w.Code)
	}
	for _, link := range []string{former, used, expired, mixed, "/a/0123456789abcdefghijkl", "/a/short", "/i/0123456789abcdefghijkl"} {
		page := visit(t, api, http.MethodGet, link, nil)
		if page.Code != 410 {
			t.Errorf("%s: page %d", link, page.Code)
		}
		pages = append(pages, page.Body.String())
		if strings.HasPrefix(link, "/i/") {
			continue
		}
		w := appRedeems(t, api, link, "x")
		if w.Code != 410 {
			t.Errorf("%s: %d", link, w.Code)
		}
		problems = append(problems, id2.ReplaceAllString(w.Body.String(), ""))
	}
	for i := range pages {
		if pages[i] != pages[0] || i < len(problems) && problems[i] != problems[0] {
			t.Errorf("answer %d differs", i)
		}
	}
}

// A person with another app: the page's form, the cookie, and the one address that a GET uses up.
func TestAPersonActivatesInTheBrowser(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	hostile := `]]><passwd overwrite="true">x</passwd> "><script>alert(1)</script> & 'quoted'`
	id, link := invited(t, api, map[string]any{"owner": hostile, "language": "it"})
	page := visit(t, api, http.MethodGet, link, nil, "Accept-Language", "de-AT,de;q=0.9,en;q=0.5")
	for h, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"} {
		if !strings.Contains(page.Header().Get(h), want) {
			t.Errorf("%s: %q", h, page.Header().Get(h))
		}
	}
	policy := page.Header().Get("Content-Security-Policy")
	if strings.Contains(policy, "unsafe") || !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(page.Body.String(), "<script") {
		t.Errorf("policy %q", policy)
	}
	if !strings.Contains(page.Body.String(), `lang="de"`) || !strings.Contains(page.Body.String(), "pgsm://activate?link=https%3A%2F%2Fphones.example%2Fa%2F") {
		t.Errorf("page: %s", page.Body)
	}
	cookie := page.Result().Cookies()[0]
	if !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteStrictMode || !strings.HasPrefix(cookie.Name, "__Host-") {
		t.Errorf("cookie %+v", cookie)
	}
	nonce := regexp.MustCompile(`name="nonce" value="([0-9a-f]+)"`).FindStringSubmatch(page.Body.String())[1]
	post := func(cookies string) *httptest.ResponseRecorder {
		return visit(t, api, http.MethodPost, link, strings.NewReader(url.Values{"nonce": {nonce}}.Encode()),
			"Content-Type", "application/x-www-form-urlencoded", "Cookie", cookies)
	}
	if w := post(""); w.Code != 403 || state(t, api, id) != "pending" { // P5: a form of another site has no cookie
		t.Fatalf("without the cookie: %d", w.Code)
	}
	done := post(cookie.Name + "=" + cookie.Value)
	fetch := regexp.MustCompile(`linphone-config:https://phones\.example(/a/[0-9A-Za-z]{22}/linphone\.xml)`).FindStringSubmatch(done.Body.String())
	if done.Code != 200 || fetch == nil || strings.Contains(done.Body.String(), "<script>alert") || state(t, api, id) != "active" {
		t.Fatalf("%d %s", done.Code, done.Body)
	}
	if w := visit(t, api, http.MethodGet, fetch[1], nil, "Sec-Purpose", "prefetch"); w.Code != 410 {
		t.Errorf("a prefetch: %d", w.Code)
	}
	config := visit(t, api, http.MethodGet, fetch[1], nil, "User-Agent", "LinphoneAndroid/6.0")
	entries := lpconfig(t, config.Body.Bytes())
	acc, _ := api.Store.Accounts.ByID(t.Context(), account.ID(id))
	ha1, _ := acc.OpenHA1(api.Ring)
	if account.HashHA1(acc.User, apitest.Realm, account.Secret(entries["auth_info_0/passwd"])) != ha1 || entries["sip/media_encryption_mandatory"] != "1" {
		t.Errorf("entries %v", entries)
	}
	if !strings.Contains(entries["proxy_0/reg_identity"], "]]><passwd") { // B9: one value
		t.Errorf("identity %q", entries["proxy_0/reg_identity"])
	}
	if w := visit(t, api, http.MethodGet, fetch[1], nil); w.Code != 410 {
		t.Errorf("a second fetch: %d", w.Code)
	}
	if w := post(cookie.Name + "=" + cookie.Value); w.Code != 200 {
		t.Errorf("the same browser again: %d", w.Code)
	}
	checkSteps(t, api, id, "created invited opened redeemed activated configured")
}

func checkSteps(t *testing.T, api *apitest.API, id, want string) {
	t.Helper()
	var got []string
	for _, s := range api.Do(apitest.Call{Method: http.MethodGet, Path: accounts + "/" + id + "/timeline"}).Want(200).JSON()["items"].([]any) {
		got = append(got, s.(map[string]any)["step"].(string))
	}
	if strings.Join(got, " ") != want {
		t.Errorf("timeline %v, want %s", got, want)
	}
}

// lpconfig parses strictly and refuses an entry that is there twice.
func lpconfig(t *testing.T, b []byte) map[string]string {
	t.Helper()
	entries := map[string]string{}
	dec := xml.NewDecoder(bytes.NewReader(b))
	var section, entry string
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return entries
		}
		if err != nil {
			t.Fatalf("%v in %s", err, b)
		}
		switch x := tok.(type) {
		case xml.StartElement:
			switch x.Name.Local {
			case "section":
				section = x.Attr[0].Value
			case "entry":
				entry = section + "/" + x.Attr[0].Value
				if _, twice := entries[entry]; twice {
					t.Errorf("%s is there twice", entry)
				}
				entries[entry] = ""
			case "config":
			default:
				t.Errorf("an element %s", x.Name.Local)
			}
		case xml.CharData:
			if entry != "" {
				entries[entry] += string(x)
			}
		case xml.EndElement:
			entry = ""
		}
	}
}

func TestEveryFormIsGivenByAccept(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	id, _ := invited(t, api, map[string]any{"security_model": "end-to-end"})
	for accept, want := range map[string]string{
		"application/vnd.sipward.config+json": `"media":"zrtp"`, "application/xml": ">zrtp</entry>",
		"application/vnd.acrobits.account+xml": "<zrtpOutgoing>enabled</zrtpOutgoing>",
	} {
		if w := appRedeems(t, api, newLink(t, api, id), "k", "Accept", accept); w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", accept, w.Code, w.Body)
		}
	}
	link := newLink(t, api, id)
	if w := appRedeems(t, api, link, "k", "Accept", "image/png"); w.Code != 406 {
		t.Errorf("a form we have not: %d", w.Code)
	}
	if w := appRedeems(t, api, link, "k"); w.Code != 200 {
		t.Errorf("the refusal used the link up: %d", w.Code)
	}
}

func TestMessagesAreSentInTheAccountsLanguage(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	for _, l := range account.Languages() {
		id := api.Account(api.Group("G "+string(l)), "Ann", "+39021234567"+string("05678"[len(api.Letters.All())]), map[string]any{"way": "wizard", "profile_id": "default", "language": l}).Get("id")
		api.Do(apitest.Call{Method: http.MethodPost, Path: accounts + "/" + id + "/messages", Body: map[string]any{"kind": "activation", "channel": "sms"}}).Want(201)
		sent := api.Letters.All()
		m := sent[len(sent)-1]
		if len([]rune(m.Content.Text)) > 160 || !strings.Contains(m.Content.Text, apitest.BaseURL+"/a/") || m.Link == "" || m.To[0] != '+' {
			t.Errorf("%s: %d characters to %s", l, len(m.Content.Text), m.To)
		}
		if err := api.Provisioning.MayGo(t.Context(), m); err != nil {
			t.Errorf("it may not go: %v", err)
		}
		newLink(t, api, id)
		if err := api.Provisioning.MayGo(t.Context(), m); !errors.Is(err, account.ErrGone) {
			t.Errorf("a message with a former link may go: %v", err)
		}
	}
}
