package provisioning_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"sipward/internal/apitest"
)

// hostileNames are what people could call an account to break a document; which of them the API takes is its own rule.
var hostileNames = []string{
	"]]><user_pass>x</user_pass>", `"><script>alert(1)</script>`, `]]><passwd overwrite="true">x</passwd>`, "</userDisplayName><password>x</password>",
	"&amp;&lt;&#x3c;", `\" <sip:evil@example>`, "'\"--><![CDATA[", "{{.Config.Account.Password}}", "%s%d", "é漢😀", strings.Repeat("<", 200),
	"a\r\nb", "\u202eevil", "x\x00y", strings.Repeat("x", 10<<10),
}

// elements re-parses a document strictly: each element's text, by its name; an element that is there twice is a fault.
func elements(t *testing.T, b []byte) map[string]string {
	t.Helper()
	all, dec, name := map[string]string{}, xml.NewDecoder(strings.NewReader(string(b))), ""
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%v in %s", err, b)
		}
		switch x := tok.(type) {
		case xml.StartElement:
			name = x.Name.Local
			if _, twice := all[name]; twice {
				t.Errorf("%s is there twice in %s", name, b)
			}
			all[name] = ""
		case xml.CharData:
			all[name] += string(x)
		case xml.EndElement:
			name = ""
		}
	}
}

// B9: whatever a name holds, each form has one value in its place, and no more elements than with a harmless one.
func TestHostileNamesStayNamesInEveryForm(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group, taken, tags := api.Group("Hostile"), 0, 0
	for i, name := range append([]string{"Ann"}, hostileNames...) {
		body := map[string]any{"way": "wizard", "type": "PGSM", "profile_id": "default", "group_id": group, "owner": name, "number": fmt.Sprintf("+39021%07d", i)}
		made := api.Do(apitest.Call{Method: http.MethodPost, Path: accounts, Body: body})
		if made.Code == http.StatusBadRequest {
			continue
		}
		taken++
		id := made.Want(201).Get("id")
		given := func(accept string) []byte {
			w := appRedeems(t, api, newLink(t, api, id), "k", "Accept", accept)
			if w.Code != http.StatusOK {
				t.Fatalf("%q as %s: %d %s", name, accept, w.Code, w.Body)
			}
			return w.Body.Bytes()
		}
		var config struct{ Account struct{ Owner string } }
		if err := json.Unmarshal(given("application/vnd.sipward.config+json"), &config); err != nil || config.Account.Owner != name {
			t.Errorf("JSON: %q became %q, %v", name, config.Account.Owner, err)
		}
		if a := elements(t, given("application/vnd.acrobits.account+xml")); a["userDisplayName"] != name || len(a) != 16 {
			t.Errorf("Acrobits: %q became %q among %d elements", name, a["userDisplayName"], len(a))
		}
		l := lpconfig(t, given("application/vnd.linphone.lpconfig+xml"))
		escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)
		if got := l["proxy_0/reg_identity"]; got != fmt.Sprintf(`"%s" <sip:%s@%s>`, escaped, made.Get("user"), apitest.Realm) || len(l) != 30 {
			t.Errorf("Linphone: %q became %q among %d entries", name, got, len(l))
		}
		sheet := api.Do(apitest.Call{Method: http.MethodPost, Path: accounts + "/" + id + "/messages", Body: map[string]any{"kind": "activation", "channel": "link"},
			Header: http.Header{"Accept": {"text/html"}}}).Want(201).Body.String()
		if i == 0 {
			tags = tagged(sheet)
		} else if got := tagged(sheet); got != tags {
			t.Errorf("sheet: %q makes it %d tags instead of %d", name, got, tags)
		}
	}
	if taken < 10 {
		t.Errorf("only %d names were tried", taken)
	}
}

// tagged counts a page's elements, those of the QR code left out, for they depend on the link.
func tagged(page string) int {
	return strings.Count(regexp.MustCompile(`(?s)<svg.*?</svg>`).ReplaceAllString(page, ""), "<")
}

// P5: every address we give begins with the configured base, whatever the request says of its host.
func TestNoAddressComesFromARequest(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	id, _ := invited(t, api, nil)
	foreign := regexp.MustCompile(`https?://[^\s"'<>\\]+`)
	ours := func(what, text string) {
		t.Helper()
		for _, a := range foreign.FindAllString(text, -1) {
			ok := strings.HasPrefix(a, apitest.BaseURL+"/") || strings.HasPrefix(a, "https://apps.example/") || strings.HasPrefix(a, "https://play.example/")
			if !ok && !strings.HasPrefix(a, "http://www.linphone.org/xsds/") && !strings.HasPrefix(a, "http://www.w3.org/") {
				t.Errorf("%s leads to %s", what, a)
			}
		}
	}
	lies := http.Header{"X-Forwarded-Host": {"evil.example"}, "Forwarded": {"host=evil.example"}, "X-Original-Host": {"evil.example"}, "Origin": {"https://evil.example"}}
	for _, kind := range []string{"installation", "activation"} {
		for _, channel := range []string{"link", "sms"} {
			ours(kind+" by "+channel, api.Do(apitest.Call{Method: http.MethodPost, Path: accounts + "/" + id + "/messages", Header: lies,
				Body: map[string]any{"kind": kind, "channel": channel}}).Want(201).Body.String())
		}
	}
	for _, m := range api.Letters.All() {
		ours("a message", m.Content.Text+m.Content.HTML)
	}
	page := visit(t, api, http.MethodGet, newLink(t, api, id), nil)
	ours("the page", page.Body.String())
	for _, accept := range []string{"application/json", "application/xml", "application/vnd.acrobits.account+xml"} {
		ours(accept, appRedeems(t, api, newLink(t, api, id), "k", "Accept", accept).Body.String())
	}
}

// The policy of a page allows its own style and nothing else.
func TestAPagesPolicyFitsItsStyle(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	_, link := invited(t, api, nil)
	page := visit(t, api, http.MethodGet, link, nil)
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(page.Body.String())
	sum := sha256.Sum256([]byte(style[1]))
	policy := page.Header().Get("Content-Security-Policy")
	if !strings.Contains(policy, "style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';") {
		t.Errorf("the policy %q does not allow the page's style", policy)
	}
	if strings.Contains(page.Body.String(), " style=") || strings.Contains(page.Body.String(), "src=") {
		t.Error("the page needs more than its policy allows")
	}
}
