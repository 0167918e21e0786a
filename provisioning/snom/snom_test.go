package snom_test

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"context"

	"sipward/internal/account"
	"sipward/internal/device"
	"sipward/internal/store/storetest"
	"sipward/provisioning/snom"
)

// factoryNew is a phone as it leaves the box: it asks by multicast, then fetches what it is told, .htm first.
func TestAPhoneIsProvisionedByItsToken(t *testing.T) {
	t.Parallel()
	r := open(t, nil)
	a := r.account("100", nil)
	r.account("101", func(a *account.Account) { a.Owner = "Bob" })
	path, admin := r.enter("00:04:13:aa:bb:cc", a.ID)

	general := r.fetch(path+"snomD785.htm", agent, nil)
	if g := settings(t, general.body); general.code != 200 || g["file@url"] != "https://sip.example.com:8443"+path+mine+".xml" {
		t.Fatalf("%d %s", general.code, general.body)
	}
	got := r.fetch(path+strings.ToLower(mine)+".xml", agent, nil)
	if got.code != 200 || got.header.Get("Cache-Control") != "no-store" || got.header.Get("Content-Type") != "application/xml; charset=utf-8" {
		t.Fatalf("%d %v", got.code, got.header)
	}
	s := settings(t, got.body)
	password := s["user_pass/1"]
	for key, want := range map[string]string{
		"user_active/1": "on", "user_name/1": a.User, "user_pname/1": a.User, "user_realname/1": "Reception", "user_host/1": domain,
		"user_outbound/1": "sip.example.com:5061;transport=tls", "user_srtp/1": "on", "user_savp/1": "mandatory", "user_auth_tag/1": "off",
		"user_active/2": "off", "user_active/12": "off", "user_pass/7": "", "language": "Italiano", "tone_scheme": "ITA", "timezone": "ITA+1",
		"setting_server": "https://sip.example.com:8443" + path + "{mac}.xml", "check_fqdn_against_server_cert": "on", "admin_mode": "off",
		"admin_mode_password": admin, "http_pass": admin, "first_name": "Bob", "number": "101",
		"certificate": base64.StdEncoding.EncodeToString([]byte("our CA")), "settings_refresh_timer": "86400",
	} {
		if s[key] != want {
			t.Errorf("%s is %q, want %q", key, s[key], want)
		}
	}
	now, err := r.store.Accounts.ByID(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	ha1, err := now.OpenHA1(storetest.Ring())
	if want := account.HashHA1(a.User, domain, account.Secret(password)); err != nil || ha1 != want || len(password) < 26 {
		t.Errorf("the phone's password %q does not open the registrar: %v", password, err)
	}
	same := r.fetch(path+mine+".xml", agent, nil, "If-None-Match", got.header.Get("ETag"))
	if again := r.fetch(path+"snomD785-"+mine+".htm", agent, nil); again.code != 200 || again.body != got.body || same.code != 304 {
		t.Errorf("a second fetch: %d, with its tag: %d", again.code, same.code)
	}
	if got := r.results(mine); !slices.Equal(got, []string{"served", "unchanged", "served", "general"}) {
		t.Errorf("log %v", got)
	}
	_, shown := r.ask("GET", "/phones/"+mine, nil, "")
	if shown["admin_password"] != nil || shown["url"] != nil || shown["model"] != "snomD785" || shown["running_firmware"] != "10.1.33.33" {
		t.Errorf("shown again: %v", shown)
	}
	if _, log := r.ask("GET", "/fetch-log", nil, ""); strings.Contains(fmt.Sprint(log), strings.Split(path, "/")[2]) || strings.Contains(fmt.Sprint(log), password) {
		t.Errorf("the log holds a secret: %v", log)
	}
}

func TestAPhoneIsProvisionedByItsCertificate(t *testing.T) {
	t.Parallel()
	r := open(t, nil)
	a := r.account("100", func(a *account.Account) { a.Activated = nil }) // the wizard's
	r.enter(mine, a.ID)
	got := r.fetch("/p/"+mine+".xml", agent, r.factory.phone(mine))
	if got.code != 200 {
		t.Fatalf("%d %s", got.code, got.body)
	}
	if s := settings(t, got.body); s["setting_server"] != "https://sip.example.com:8443/p/{mac}.xml" || s["user_active/1"] != "on" {
		t.Errorf("%v", s)
	}
	if now, _ := r.store.Accounts.ByID(t.Context(), a.ID); now.State() != account.Active || now.Activated.Method != account.ByFetch {
		t.Errorf("a fetch does not activate: %+v", now.Activated)
	}
	_, setup := r.ask("GET", "/phones/setup", nil, "")
	if want := "mac,url\r\n" + mine + ",https://sip.example.com:8443/p/" + mine + ".xml\r\n"; setup["sraps_csv"] != want || !strings.Contains(fmt.Sprint(setup["kea"]), "/p/{mac}.xml") {
		t.Errorf("set-up: %v", setup)
	}
	for what, c := range map[string]struct {
		path string
		code int
	}{
		"another phone's file": {"/p/000413DDEEFF.xml", 403},
		"an unknown phone":     {"/p/" + mine + ".xml", 403},
	} {
		cn := "000413111111"
		if what == "another phone's file" {
			cn = mine
		}
		if got := r.fetch(c.path, "", r.factory.phone(cn)); got.code != c.code {
			t.Errorf("%s: %d", what, got.code)
		}
	}
	if got := r.fetch("/p/"+mine+".xml", agent, newAuthority(t).phone(mine)); got.code != 403 {
		t.Errorf("a certificate of another factory: %d", got.code)
	}
	if got := r.fetch("/p/000413222222.xml", "snomD120/10.1", r.factory.phone("000413222222")); got.code != 404 {
		t.Errorf("a phone nobody has entered: %d", got.code)
	}
	_, m := r.ask("GET", "/phones/waiting", nil, "")
	items := m["items"].([]any)
	if len(items) != 1 || items[0].(map[string]any)["mac"] != "000413222222" || items[0].(map[string]any)["proof"] != "certificate" {
		t.Errorf("waiting: %v", m)
	}
}

// P1: guesses get one answer and no file, whoever asks for whatever; the source is slowed down, the real phone is not.
func TestGuessingGivesNothing(t *testing.T) {
	t.Parallel()
	now := time.Now() // it stands still: in ten seconds a source may guess once more
	r := open(t, func(_ *snom.Config, d *snom.Deps) { d.Now = func() time.Time { return now } })
	a := r.account("100", nil)
	path, _ := r.enter(mine, a.ID)
	bodies := map[string]int{}
	for i := range guessed {
		target := fmt.Sprintf("/p/000413%06X.xml", i)
		if i == 7 {
			target = "/p/" + mine + ".xml" // a hit, without a proof
		}
		if i%2 == 1 {
			target = "/p/" + fmt.Sprintf("%026d", i) + "/" + mine + ".xml"
		}
		got := r.fetch(target, "", nil)
		if got.code == 200 || strings.Contains(got.body, "settings") {
			t.Fatalf("%s gave a file", target)
		}
		if i < 20 {
			bodies[fmt.Sprint(got.code, got.body)]++
		} else if got.code != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
			t.Fatalf("guess %d was answered %d", i, got.code)
		}
	}
	if len(bodies) != 2 { // 403 without a token, 404 with a wrong one
		t.Errorf("answers differ: %v", bodies)
	}
	if got := r.fetch(path+mine+".xml", agent, nil); got.code != 200 {
		t.Errorf("the real phone behind the same address: %d", got.code)
	}
	p, _ := r.store.Phones.Fetches(t.Context(), "", "", 1000)
	t.Logf("lines in the log of %d guesses: %d / limit 25", guessed, len(p.Items))
	if len(p.Items) > 25 {
		t.Errorf("guesses fill the log: %d lines", len(p.Items))
	}
}

func TestWhatADisabledUnassignedOrMovedPhoneGets(t *testing.T) {
	t.Parallel()
	r := open(t, nil)
	a := r.account("100", nil)
	path, _ := r.enter(mine, a.ID)
	before := settings(t, r.fetch(path+mine+".xml", agent, nil).body)["user_pass/1"]

	change := func(f func(*account.Account)) {
		if _, err := r.store.Accounts.Update(t.Context(), a.ID, func(a *account.Account) error { f(a); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	change(func(a *account.Account) { a.Suspend("op", "", time.Now()) })
	off := r.fetch(path+mine+".xml", agent, nil)
	if s := settings(t, off.body); off.code != 200 || s["user_active/1"] != "off" || s["user_pass/1"] != "" || strings.Contains(off.body, before) {
		t.Errorf("disabled: %d %v", off.code, s)
	}
	change(func(a *account.Account) { a.Resume() })
	if s := settings(t, r.fetch(path+mine+".xml", agent, nil).body); s["user_pass/1"] != before {
		t.Error("enabled again, the phone gets another password")
	}
	change(func(a *account.Account) { a.Kind = account.PGSM })
	if got := r.fetch(path+mine+".xml", agent, nil); got.code != 404 {
		t.Errorf("an app's account: %d", got.code)
	}
	change(func(a *account.Account) { a.Kind = account.SNOM })
	if got := r.fetch(path+"000413DDEEFF.xml", agent, nil); got.code != 404 {
		t.Errorf("another phone's file: %d", got.code)
	}
	if got := r.fetch(path+mine+".xml", strings.ReplaceAll(agent, mine, "000413DDEEFF"), nil); got.code != 404 {
		t.Errorf("in another phone: %d", got.code)
	}
	b := r.account("200", nil)
	code, m := r.ask("PATCH", "/phones/"+mine, map[string]any{"account_id": b.ID, "token": nil}, "*")
	if code != 200 {
		t.Fatalf("%d %v", code, m)
	}
	if got := r.fetch(path+mine+".xml", agent, nil); got.code != 404 {
		t.Errorf("the old address: %d", got.code)
	}
	now, _ := r.store.Accounts.ByID(t.Context(), a.ID)
	if ha1, _ := now.OpenHA1(storetest.Ring()); ha1 == account.HashHA1(a.User, domain, account.Secret(before)) {
		t.Error("the password that the phone took with it is still good")
	}
	path = strings.TrimSuffix(strings.TrimPrefix(m["url"].(string), "https://sip.example.com:8443"), "{mac}.xml")
	if s := settings(t, r.fetch(path+mine+".xml", agent, nil).body); s["user_name/1"] != b.User || s["user_pass/1"] == before {
		t.Errorf("after the move: %v", s["user_name/1"])
	}
	if code, _ := r.ask("PATCH", "/phones/"+mine, map[string]any{"account_id": nil}, "*"); code != 200 {
		t.Fatal(code)
	}
	if got := r.fetch(path+mine+".xml", agent, nil); got.code != 404 {
		t.Errorf("unassigned: %d", got.code)
	}
	if code, _ := r.ask("DELETE", "/phones/"+mine, nil, "*"); code != 204 {
		t.Fatal(code)
	}
	if got := r.fetch(path+mine+".xml", agent, nil); got.code != 404 {
		t.Errorf("deleted: %d", got.code)
	}
}

// B9: whatever a name holds, the document has one value in its place.
func TestHostileNamesStayNames(t *testing.T) {
	t.Parallel()
	r, names, changed := open(t, nil), 0, 0
	for _, name := range []string{
		"]]><user_pass>x</user_pass>", `"><script>alert(1)</script>`, "a\r\nb", "</settings>", "&amp;&lt;", "\u202eevil", "x\x00y", "é漢😀", strings.Repeat("<", 5000), "'\"--><![CDATA[",
	} {
		a := account.Account{User: "1", Owner: name, Number: "1"}
		body, err := r.service.XML(a, "p]]>&<", []account.Account{a, a}, []device.Key{{Type: "blf", Value: name, Label: name}})
		if err != nil {
			t.Fatal(err)
		}
		s := settings(t, string(body))
		want := strings.ReplaceAll(name, "\x00", "\ufffd")
		names++
		if s["user_realname/1"] != want || s["user_pass/1"] != "p]]>&<" || s["first_name"] != want || s["fkey@label"] != want {
			changed++
			t.Errorf("%q became %q, password %q, book %q, label %q", name, s["user_realname/1"], s["user_pass/1"], s["first_name"], s["fkey@label"])
		}
	}
	t.Logf("names that came out as something else, of %d: %d / limit 0", names, changed)
}

func TestFunctionKeysAndFirmware(t *testing.T) {
	t.Parallel()
	r := open(t, nil)
	a := r.account("100", nil)
	path, _ := r.enter(mine, a.ID)
	code, m := r.ask("PATCH", "/phones/"+mine, map[string]any{
		"firmware_url": "https://fw.example/snomD785-10.1.bin",
		"keys":         []map[string]any{{"type": "line"}, {"type": "blf", "value": "112", "label": "Bob"}, {"type": "speed", "value": "+390212345678"}},
	}, "*")
	if code != 200 {
		t.Fatalf("%d %v", code, m)
	}
	body := r.fetch(path+mine+".xml", agent, nil).body
	for _, want := range []string{`<fkey idx="0" context="active" label="" perm="R">line</fkey>`, `label="Bob" perm="R">blf &lt;sip:112@` + domain + `&gt;</fkey>`, `perm="R">speed +390212345678</fkey>`} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is not in %s", want, body)
		}
	}
	where := settings(t, body)["firmware_status"]
	fw := r.fetch(strings.TrimPrefix(where, "https://sip.example.com:8443"), agent, nil)
	if fw.code != 200 || settings(t, fw.body)["firmware"] != "https://fw.example/snomD785-10.1.bin" {
		t.Errorf("%s: %d %s", where, fw.code, fw.body)
	}
	for _, bad := range []map[string]any{
		{"keys": []map[string]any{{"type": "dial"}}}, {"keys": []map[string]any{{"type": "speed", "value": "x"}}}, {"firmware_url": "file:///etc/passwd"},
		{"mac": "000413000000"}, {"token": "chosen"}, {"note": "a\r\nb"}, {"account_id": "nobody"},
	} {
		if code, m := r.ask("PATCH", "/phones/"+mine, bad, "*"); code != 400 {
			t.Errorf("%v: %d %v", bad, code, m)
		}
	}
	app := r.account("300", func(a *account.Account) { a.Kind = account.PGSM })
	if code, _ := r.ask("PATCH", "/phones/"+mine, map[string]any{"account_id": app.ID}, "*"); code != 400 {
		t.Errorf("an app's account in a desk phone: %d", code)
	}
	if code, _ := r.ask("POST", "/phones", map[string]any{"mac": mine}, ""); code != 409 {
		t.Errorf("entered twice: %d", code)
	}
}

func TestOnePhoneIsToldToFetch(t *testing.T) {
	t.Parallel()
	r := open(t, nil)
	a := r.account("100", nil)
	code, m := r.ask("POST", "/accounts/"+string(a.ID)+"/check-sync", nil, "")
	if code != 200 || m["contact"] != "sip:104417@10.0.0.5:5060" || !slices.Equal(r.told, []string{"snom check-sync;reboot=false"}) {
		t.Errorf("%d %v %v", code, m, r.told)
	}
	if code, _ := r.ask("POST", "/accounts/"+string(a.ID)+"/check-sync", map[string]any{"reboot": true}, ""); code != 200 || r.told[1] != "snom check-sync;reboot=true" {
		t.Errorf("%d %v", code, r.told)
	}
	app := r.account("300", func(a *account.Account) { a.Kind = account.PGSM })
	if code, _ := r.ask("POST", "/accounts/"+string(app.ID)+"/check-sync", nil, ""); code != 409 {
		t.Errorf("an app: %d", code)
	}
}

func TestAPhoneAsksByMulticast(t *testing.T) {
	t.Parallel()
	r := open(t, nil)
	a := r.account("100", nil)
	r.enter(mine, a.ID)
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.service.Respond(nets, server).Run(ctx) }()
	defer func() { cancel(); <-done }()
	phone, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = phone.Close() }()
	me := phone.LocalAddr().(*net.UDPAddr)
	subscribe := func(mac string) {
		text := fmt.Sprintf("SUBSCRIBE sip:MAC%%3a%s@224.0.1.75 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;rport\r\nFrom: <sip:MAC%%3a%s@224.0.1.75>;tag=77\r\nTo: <sip:MAC%%3a%s@224.0.1.75>\r\n"+
			"Call-ID: 42@phone\r\nCSeq: 1 SUBSCRIBE\r\nEvent: ua-profile;profile-type=\"device\";vendor=\"snom\";model=\"snomD120\";version=\"10.1.39.11\"\r\nExpires: 0\r\nAccept: application/url\r\n"+
			"Contact: <sip:127.0.0.1:%d>\r\nUser-Agent: snomD120/10.1.39.11\r\nContent-Length: 0\r\n\r\n", mac, me.Port, mac, mac, me.Port)
		if _, err := phone.WriteTo([]byte(text), server.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	hear := func() string {
		b := make([]byte, 4096)
		_ = phone.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, _, err := phone.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	subscribe("000413777777") // not entered: nothing but the waiting list
	subscribe(mine)
	ok, notify := hear(), hear()
	if !strings.HasPrefix(ok, "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:") || !strings.Contains(ok, "Call-ID: 42@phone\r\n") || !strings.Contains(ok, ";tag=77\r\n") {
		t.Errorf("%s", ok)
	}
	if !strings.HasPrefix(notify, "NOTIFY sip:127.0.0.1") || !strings.HasSuffix(notify, "\r\n\r\nhttps://sip.example.com:8443/p/"+mine+".xml") || !strings.Contains(notify, "Event: ua-profile\r\n") ||
		!strings.Contains(notify, "Content-Type: application/url\r\n") {
		t.Errorf("%s", notify)
	}
	w, err := r.store.Phones.Waiting(t.Context(), "", 10)
	if err != nil || len(w.Items) != 1 || w.Items[0].MAC != "000413777777" || w.Items[0].Model != "snomD120" || w.Items[0].Proof != "pnp" {
		t.Errorf("waiting %+v %v", w, err)
	}
	for _, bad := range []string{"", "x", "SUBSCRIBE sip:MAC%3a000413AABBCC@x SIP/2.0\r\n\r\n", "NOTIFY sip:MAC%3a000413AABBCC@x SIP/2.0\r\nVia: x\r\n\r\n"} {
		if got := r.service.Respond(nets).Answer(t.Context(), bad, netip.MustParseAddrPort("127.0.0.1:5060")); got != 0 {
			t.Errorf("%q was answered", bad)
		}
	}
}

func TestTheWaitingListIsBounded(t *testing.T) {
	t.Parallel()
	r := open(t, func(c *snom.Config, _ *snom.Deps) { c.Networks = nets })
	for i := range 30 {
		if err := r.store.Phones.See(t.Context(), device.Waiting{MAC: device.MAC(fmt.Sprintf("000413%06X", i)), Last: time.Now().Add(time.Duration(i) * time.Second)}, 10); err != nil {
			t.Fatal(err)
		}
	}
	w, err := r.store.Phones.Waiting(t.Context(), "", 100)
	if err != nil || len(w.Items) != 10 || w.Items[0].MAC != "00041300001D" {
		t.Errorf("%d phones wait, the last is %+v: %v", len(w.Items), w.Items, err)
	}
	a := r.account("100", nil)
	r.enter(mine, a.ID)
	got := r.fetch("/p/"+mine+".xml", agent, nil)
	if s := settings(t, got.body); got.code != 200 || !strings.Contains(s["setting_server"], "/p/") || strings.HasSuffix(s["setting_server"], "/p/{mac}.xml") {
		t.Errorf("from a network that needs no proof: %d, then %s", got.code, s["setting_server"])
	}
}
