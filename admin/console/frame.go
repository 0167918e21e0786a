package console

import (
	"net/http"
	"strings"
)

const themeCookie = "sipward_theme"

// frame is what every page knows.
type frame struct {
	Title  string
	Data   any
	Lang   string
	Theme  string // light, dark, or auto: as the system
	Path   string // of the page, without its query
	Here   string // with it: where preferences lead back to
	Server string
	Me     *operator
	CSRF   string
	Did    string // what the form before this page did, in the user's language
	Areas  []area
}

// area is one heading of the navigation.
type area struct {
	Name  string
	Links []link
}

type link struct{ Name, Path, Icon, Key string }

func (v *visit) fill(f *frame) {
	f.Lang, f.Path, f.Server, f.Me = v.lang, v.r.URL.Path, v.c.Name, v.me
	f.Here = "/"
	if v.r.Method == http.MethodGet {
		f.Here = v.r.URL.RequestURI()
	}
	if k, err := v.r.Cookie(themeCookie); err == nil && (k.Value == "light" || k.Value == "dark") {
		f.Theme = k.Value
	}
	if v.me != nil {
		f.CSRF, f.Areas = v.me.CSRF, areas()
	}
	if did, ok := dids[v.r.URL.Query().Get("did")]; ok {
		f.Did = v.t(did)
	}
}

// In reports whether a link of the navigation leads to where we are.
func (f frame) In(path string) bool {
	if path == "/operators" && strings.HasPrefix(f.Path, "/webhooks/") { // a tab of theirs
		return true
	}
	return path == f.Path || path != "/" && len(f.Path) > len(path) && f.Path[:len(path)+1] == path+"/"
}

func areas() []area {
	return []area{
		{"", []link{{say("Dashboard"), "/", "home", "d"}}},
		{say("Lines"), []link{
			{say("Accounts"), "/accounts", "people", "a"}, {say("Groups"), "/groups", "group", "r"},
			{say("Profiles"), "/profiles", "sliders", "p"}, {say("Desk phones"), "/phones", "desk", "k"},
		}},
		{say("Activity"), []link{
			{say("Messages"), "/messages", "mail", "m"}, {say("Calls"), "/calls", "call", "c"}, {say("Licences"), "/licences", "licence", "l"},
		}},
		{say("System"), []link{
			{say("Nodes"), "/nodes", "node", "n"}, {say("Announcements"), "/clips", "clip", "s"}, {say("Operators"), "/operators", "key", "o"},
			{say("Audit"), "/audit", "audit", "u"}, {say("Settings"), "/settings", "settings", "e"},
		}},
	}
}

// dids are the notices after a form; the address carries only the word before.
var dids = map[string]string{
	"created": say("Created."), "saved": say("Saved."), "deleted": say("Deleted."),
	"disabled": say("The account is disabled: it can neither call nor be called."), "enabled": say("The account is enabled again."),
	"revoked": say("The keys are revoked on all nodes. A new key needs a new activation, a PIN change or the duress code."),
	"told":    say("The phone was told to fetch its configuration."), "licence": say("The licence is up to date."),
	"tracing": say("The trace runs: use the phone now, then refresh this page."), "traced": say("The trace has ended."),
	"sent": say("The message is on its way. The story below tells how far it has come."), "link": say("The link is worthless now."),
	"paused": say("It is paused: what changes meanwhile is not told, not later either."), "resumed": say("It is told of changes from now on."),
	"withdrawn": say("Only the newest secret signs now."), "retried": say("The message goes out again."),
	"queued": say("The message is queued again."), "clip": say("The announcement is in use on every node."),
}
