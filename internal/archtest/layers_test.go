package archtest_test

import (
	"strings"
	"testing"
)

// layer says what the packages of one pattern may import of ours.
type layer struct {
	packages string
	may      []string
	tests    []string // what their tests may import besides
	std      bool     // nothing but the standard library
	support  bool     // support for tests: imported by tests and by other support only
}

// nouns are layer 0: they import each other one way and nothing else, so that anyone may share them.
var nouns = []string{"internal/account", "internal/audit", "internal/call", "internal/device", "internal/keylog", "internal/licence", "internal/location", "internal/message", "internal/operator", "internal/parcel", "internal/seal", "internal/trace", "internal/webhook"}

// below are what the SIP packages share.
var below = []string{"internal/account", "internal/call", "internal/failpoint", "internal/location", "internal/parcel", "internal/seal", "internal/telemetry", "internal/trace", "sip/header", "sip/incident", "sip/reply"}

// apis is what the HTTP interfaces of layer 2 share; they never import each other, the SIP node, or the store.
var apis = append([]string{"internal/failpoint", "internal/telemetry", "internal/web"}, nouns...)

// layers is the table of ARCHITECTURE.md; the first pattern that matches a package counts.
var layers = []layer{
	// 3: the only place where concrete types meet
	{packages: "accept"},     // reads the output of the tests, imports nothing
	{packages: "bench/bare"}, // a floor: the standard library alone
	{packages: "bench/growth", may: []string{"internal/account", "internal/location", "internal/store", "internal/store/kv"}},
	{packages: "bench/relay", may: []string{"media", "media/relay"}},
	{packages: "bench/seed", may: []string{"internal/account", "internal/seal", "internal/store"}},
	{packages: "bench/smoke"}, // reads the output of the benchmarks, imports nothing
	{packages: "bench/table"}, // reads the results of the load tests
	{packages: "cmd/sipward", may: []string{"admin/...", "internal/...", "licenceproxy", "media/...", "provisioning/...", "sip/..."}, tests: []string{"..."}},

	// the places where a test may have the process die; a normal build has nothing there
	{packages: "internal/failpoint"},

	// 2: the node
	{packages: "sip", may: append([]string{"media", "media/relay", "sip/announce", "sip/auth", "sip/dialog", "sip/gruu", "sip/incident", "sip/link", "sip/messaging", "sip/proxy", "sip/registrar", "sip/session", "sip/transport", "sip/tx"}, below...)},
	{packages: "sip/transport", may: []string{"internal/telemetry", "sip/header", "sip/incident"}},
	{packages: "sip/link", may: append([]string{"sip/transport"}, below...)},
	{packages: "sip/gruu", may: below},
	{packages: "sip/tx", may: append([]string{"sip/transport"}, below...)},
	{packages: "sip/messaging", may: append([]string{"sip/transport", "sip/tx"}, below...)},
	{packages: "sip/registrar", may: append([]string{"sip/gruu", "sip/transport"}, below...)},
	{packages: "sip/dialog", may: append([]string{"sip/transport", "sip/tx"}, below...)},
	{packages: "sip/proxy", may: append([]string{"sip/dialog", "sip/transport", "sip/tx"}, below...)},
	{packages: "sip/announce", may: append([]string{"media", "sip/dialog", "sip/transport", "sip/tx"}, below...)},
	{packages: "sip/session", may: append([]string{"media", "media/relay", "sip/dialog", "sip/transport"}, below...)},
	{packages: "sip/auth", may: below},
	{packages: "sip/reply", may: []string{"internal/account"}},
	{packages: "sip/header"},
	{packages: "sip/incident", may: []string{"internal/account"}, std: true},
	{packages: "sip/phone", may: []string{"media"}}, // the stranger: it shares no protocol code with the node
	{packages: "sip/siptest", may: []string{"media", "sip/phone"}, support: true},

	// 2: the HTTP interfaces
	{packages: "admin", may: apis},
	{packages: "admin/console", may: []string{"internal/account", "internal/apiclient", "internal/web"}}, // a client of the API, in process
	{packages: "admin/access", may: append([]string{"internal/password"}, apis...)},
	{packages: "admin/hooks", may: append([]string{"internal/egress"}, apis...)},
	{packages: "provisioning", may: append([]string{"internal/message", "provisioning/qr"}, apis...)},
	{packages: "provisioning/qr"},
	{packages: "provisioning/outbox", may: apis},
	{packages: "provisioning/sms", may: append([]string{"internal/egress"}, apis...)},
	{packages: "provisioning/snom", may: apis},
	{packages: "provisioning/sms/smpp", may: []string{"internal/account", "internal/message"}},
	{packages: "provisioning/mail", may: []string{"internal/account", "internal/message", "provisioning/qr"}},
	{packages: "licenceproxy", may: apis},

	// 1: libraries with one job
	{packages: "internal/store", may: append([]string{"internal/failpoint", "internal/store/kv", "internal/store/kv/embedded", "internal/store/kv/redis", "internal/telemetry"}, nouns...)},
	{packages: "internal/store/storetest", may: []string{"internal/account", "internal/seal", "internal/store"}, support: true},
	{packages: "internal/store/kv"},
	{packages: "internal/store/kv/kvtest", may: []string{"internal/store/kv"}, support: true, tests: []string{"internal/store/kv/..."}},
	{packages: "internal/store/kv/...", may: []string{"internal/store/kv"}},
	{packages: "internal/web", may: []string{"internal/account", "internal/audit", "internal/message", "internal/operator", "internal/parcel", "internal/seal", "internal/store/kv", "internal/telemetry"}}, // the errors and filters it maps
	{packages: "internal/telemetry"},
	{packages: "internal/journal", may: []string{"internal/telemetry"}},
	{packages: "internal/pki"},
	{packages: "internal/syslog"},
	{packages: "internal/password"},
	{packages: "internal/egress"},
	{packages: "internal/apiclient", may: []string{"internal/account", "internal/apiclient/wire"}},
	{packages: "internal/apiclient/wire"},                                 // generated
	{packages: "internal/apiclient/wire/prepare", may: []string{"admin"}}, // a command: what the generator reads
	{packages: "media"},
	{packages: "media/relay", may: []string{"media"}},
	{packages: "media/turn", may: []string{"internal/egress"}}, // whom requests of strangers may reach

	// 0: nouns
	{packages: "internal/account", may: []string{"internal/seal"}, std: true},
	{packages: "internal/audit", std: true},
	{packages: "internal/webhook", may: []string{"internal/account", "internal/seal"}, std: true},
	{packages: "internal/call", may: []string{"internal/account"}, std: true},
	{packages: "internal/device", may: []string{"internal/account", "internal/seal"}, std: true},
	{packages: "internal/message", may: []string{"internal/account", "internal/seal"}, std: true},
	{packages: "internal/operator", may: []string{"internal/account", "internal/seal"}, std: true},
	{packages: "internal/parcel", may: []string{"internal/account", "internal/seal"}, std: true},
	{packages: "internal/location", may: []string{"internal/account"}, std: true},
	{packages: "internal/keylog", may: []string{"internal/account"}, std: true},
	{packages: "internal/licence", may: []string{"internal/account"}, std: true},
	{packages: "internal/licence/fakevendor", may: []string{"internal/account", "internal/licence"}, std: true},
	{packages: "internal/seal", std: true},
	{packages: "internal/trace", may: []string{"internal/account"}, std: true},

	// tests of the whole
	{packages: "internal/apitest", may: []string{"admin/...", "internal/...", "licenceproxy", "provisioning/..."}, support: true},
	{packages: "internal/archtest"},
}

// everywhere is what any test may import: the real store, the real phone, and the tools around them.
var everywhere = []string{"internal/apitest", "internal/licence/fakevendor", "internal/store/...", "media", "sip/phone", "sip/siptest"}

func TestLayers(t *testing.T) {
	t.Parallel()
	tr := read(t)
	used := make([]bool, len(layers))
	for _, pkg := range tr.packages() {
		i := place(pkg)
		if i < 0 {
			t.Errorf("%s has no place in the table of layers: give it one", pkg)
			continue
		}
		used[i] = true
		for _, f := range tr[pkg] {
			for _, imported := range f.ours() {
				if !layers[i].allows(f.test, pkg, imported) {
					t.Errorf("%s imports %s, which %s may not: turn the dependency round with an interface, or move the code", f.name, imported, pkg)
				}
			}
			if foreign := f.foreign(); layers[i].std && !f.test && len(foreign) > 0 {
				t.Errorf("%s imports %s: layer 0 is the standard library and nothing else", f.name, strings.Join(foreign, ", "))
			}
		}
	}
	for i, l := range layers {
		if !used[i] {
			t.Errorf("the table places %s, which does not exist: it was renamed or removed, so mend the table", l.packages)
		}
	}
}

func place(pkg string) int {
	for i, l := range layers {
		if matches(l.packages, pkg) {
			return i
		}
	}
	return -1
}

func (l layer) allows(test bool, pkg, imported string) bool {
	if imported == pkg || anyMatches(l.may, imported) {
		return test || !support(imported) || l.support
	}
	return test && (anyMatches(l.tests, imported) || anyMatches(nouns, imported) || anyMatches(everywhere, imported) || len(l.tests) > 0 && l.tests[0] == "...")
}

func support(pkg string) bool {
	i := place(pkg)
	return i >= 0 && layers[i].support
}

// users names the only packages that may import a library, so that replacing it is work in one place.
var users = map[string][]string{
	"github.com/emiago/sipgo":              {"sip/..."},
	"github.com/redis/go-redis":            {"internal/store/kv/redis", "bench/growth"}, // asks Redis for its CPU time
	"go.etcd.io/bbolt":                     {"internal/store/kv/embedded"},
	"github.com/gin-gonic/gin":             {"admin/...", "internal/web", "provisioning/...", "licenceproxy"},
	"github.com/wneessen/go-mail":          {"provisioning/mail"},
	"github.com/go-audio":                  {"media"},
	"github.com/gotranspile/g722":          {"media"},
	"github.com/pion":                      {"media", "media/turn", "sip/phone", "sip/siptest"},
	"github.com/gobwas/ws":                 {"sip/phone", "sip/transport"},
	"github.com/sony/gobreaker":            {"internal/store/kv/redis", "licenceproxy"},
	"github.com/spf13/cobra":               {"cmd/sipward"},
	"github.com/knadh/koanf":               {"cmd/sipward"},
	"github.com/icholy/digest":             {"sip/phone"},
	"github.com/coreos/go-oidc":            {"admin/access"},
	"golang.org/x/oauth2":                  {"admin/access"},
	"github.com/go-jose/go-jose":           {},
	"github.com/pquerna/otp":               {"admin/access"},
	"golang.org/x/crypto":                  {"internal/password"},
	"github.com/getkin/kin-openapi":        {"internal/apitest"},
	"github.com/prometheus/client_golang":  {"cmd/sipward", "internal/...", "media/...", "sip/...", "licenceproxy", "provisioning/outbox", "admin/access"},
	"go.uber.org/goleak":                   {},
	"github.com/google/go-cmp":             {"sip/siptest"},
	"pgregory.net/rapid":                   {"internal/store/kv/kvtest"},
	"github.com/rogpeppe/go-internal":      {},
	"github.com/chromedp":                  {},
	"golang.org/x/tools":                   {},
	"gopkg.in/yaml.v3":                     {"admin", "cmd/sipward", "internal/...", "provisioning"},
	"honnef.co/go/tools":                   {},
	"github.com/emiago/diago":              {},
	"github.com/emiago/sipgo/sip/internal": {},
}

// TestSoleUsers holds for the code itself; tests may use what they like.
func TestSoleUsers(t *testing.T) {
	t.Parallel()
	tr := read(t)
	for library, may := range users {
		vanished(t, tr, may...)
		for _, pkg := range tr.packages() {
			if anyMatches(may, pkg) {
				continue
			}
			for _, f := range tr[pkg] {
				for _, p := range f.foreign() {
					if !f.test && (p == library || strings.HasPrefix(p, library+"/")) {
						t.Errorf("%s imports %s, which only %s may", f.name, p, strings.Join(append(may, "tests"), ", "))
					}
				}
			}
		}
	}
}

// TestOneNameForSipgo keeps sip. ours: the message package of sipgo is gosip everywhere, tests included.
func TestOneNameForSipgo(t *testing.T) {
	t.Parallel()
	found := 0
	for _, files := range read(t) {
		for _, f := range files {
			for _, i := range f.ast.Imports {
				if i.Path.Value != `"github.com/emiago/sipgo/sip"` {
					continue
				}
				found++
				if i.Name == nil || i.Name.Name != "gosip" {
					t.Errorf("%s imports sipgo's sip package under another name than gosip", f.at(i))
				}
			}
		}
	}
	if found == 0 {
		t.Error("nobody imports sipgo any more: remove the rule")
	}
}
