package snom_test

import (
	"testing"

	"sipward/internal/account"
	"sipward/provisioning/snom"
)

// The rows of the table of what a desk phone is given, in its order.
func TestTheDecisionTableRowByRow(t *testing.T) {
	t.Parallel()
	const mine, other = "000413AABBCC", "000413DDEEFF"
	ok := snom.Facts{Tokened: true, Token: true, Phone: mine, URL: mine, Known: true, Assigned: true, State: account.Active}
	with := func(change func(*snom.Facts)) snom.Facts { f := ok; change(&f); return f }
	seen := map[string]bool{}
	for _, c := range []struct {
		name   string
		facts  snom.Facts
		status int
		result string
		wait   bool
	}{
		{"certificate against the file", snom.Facts{Cert: mine, URL: other, Known: true, Assigned: true, State: account.Active}, 403, "cert_mac_mismatch", false},
		{"certificate against the User-Agent", snom.Facts{Cert: mine, URL: mine, Agent: other, Known: true}, 403, "cert_mac_mismatch", false},
		{"certificate against the token", with(func(f *snom.Facts) { f.Cert, f.URL = other, "" }), 403, "cert_mac_mismatch", false},
		{"unknown token", snom.Facts{Tokened: true, URL: mine}, 404, "bad_token", false},
		{"unknown token though the network is allowed", snom.Facts{Tokened: true, URL: mine, Network: true}, 404, "bad_token", false},
		{"token of another phone", with(func(f *snom.Facts) { f.URL = other }), 404, "mac_mismatch", false},
		{"token in another phone", with(func(f *snom.Facts) { f.Agent = other }), 404, "mac_mismatch", false},
		{"MAC alone", snom.Facts{URL: mine, Known: true, Assigned: true, State: account.Active}, 403, "not_allowed", false},
		{"MAC alone, unknown", snom.Facts{URL: other}, 403, "not_allowed", false},
		{"general file, MAC alone", snom.Facts{General: true}, 403, "not_allowed", false},
		{"a file of another kind", with(func(f *snom.Facts) { f.Strange, f.URL = true, "" }), 404, "unknown_file", false},
		{"general file with token", with(func(f *snom.Facts) { f.General, f.URL = true, "" }), 200, "general", false},
		{"unknown with a certificate", snom.Facts{Cert: mine, URL: mine}, 404, "waiting", true},
		{"unknown from an allowed network", snom.Facts{Network: true, URL: mine}, 404, "waiting", true},
		{"unassigned", with(func(f *snom.Facts) { f.Assigned, f.State = false, "" }), 404, "unassigned", false},
		{"disabled", with(func(f *snom.Facts) { f.State = account.Disabled }), 200, "disabled", false},
		{"disabled, never 304", with(func(f *snom.Facts) { f.State, f.Unchanged = account.Disabled, true }), 200, "disabled", false},
		{"unchanged", with(func(f *snom.Facts) { f.Unchanged = true }), 304, "unchanged", false},
		{"pending: its fetch activates it", with(func(f *snom.Facts) { f.State = account.Pending }), 200, "served", false},
		{"all is well", ok, 200, "served", false},
		{"by certificate", snom.Facts{Cert: mine, URL: mine, Agent: mine, Known: true, Assigned: true, State: account.Active}, 200, "served", false},
	} {
		v := snom.Decide(c.facts)
		if v.Status != c.status || v.Result != c.result || v.Wait != c.wait {
			t.Errorf("%s: %+v, want %d %s", c.name, v, c.status, c.result)
		}
		if (v.Status == 403 || v.Result == "bad_token") != v.Guess && v.Result != "mac_mismatch" {
			t.Errorf("%s: counted as a guess: %v", c.name, v.Guess)
		}
		seen[v.Result] = true
	}
	if len(seen) != len(snom.Rows()) {
		t.Errorf("%d results of %d rows were seen: %v", len(seen), len(snom.Rows()), seen)
	}
}

func TestEveryGenerationOfUserAgent(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]snom.Agent{
		"Mozilla/4.0 (compatible; snom lid 3605)":                                                                                              {Model: "snom", Firmware: "lid 3605"},
		"Mozilla/4.0 (compatible; snom320-SIP 6.5.20; snom320 jffs2 v3.36; snom320 linux 3.38)":                                                {Model: "snom320", Firmware: "6.5.20"},
		"Mozilla/4.0 (compatible; snom320-SIP 8.4.18 1.1.3-s)":                                                                                 {Model: "snom320", Firmware: "8.4.18"},
		"Mozilla/4.0 (compatible; snom710-SIP 8.7.5.35 1.1.5-IFX-05.01.12 000413741767)":                                                       {Model: "snom710", Firmware: "8.7.5.35", MAC: "000413741767"},
		"Mozilla/4.0 (compatible; snomD785-SIP 10.1.33.33 2010.12-00004-g9ba52f5 000413922D24 SXM:0 UXM:0)":                                    {Model: "snomD785", Firmware: "10.1.33.33", MAC: "000413922D24"},
		"Mozilla/4.0 (compatible; snomD785-SIP 10.1.169.16 2010.12-00001-gd311851f1 (Feb 25 2019 - 14:19:43) 00041396d9b4 SXM:0 UXM:0 UXMC:0)": {Model: "snomD785", Firmware: "10.1.169.16", MAC: "00041396D9B4"},
		"snom370/7.3.14": {Model: "snom370", Firmware: "7.3.14"}, "snomD785/10.1.84.12": {Model: "snomD785", Firmware: "10.1.84.12"},
		"curl/8.0 000413741767": {}, "": {}, "Mozilla/5.0 (X11; Linux)": {},
	} {
		if got := snom.ParseAgent(s); got != want {
			t.Errorf("%q: %+v, want %+v", s, got, want)
		}
	}
}
