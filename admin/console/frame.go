package console

import "net/http"

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
	return path == f.Path || path != "/" && len(f.Path) > len(path) && f.Path[:len(path)+1] == path+"/"
}

func areas() []area {
	return []area{
		{"", []link{{say("Dashboard"), "/", "home", "d"}}},
		{say("Lines"), []link{
			{say("Accounts"), "/accounts", "people", "a"},
		}},
	}
}

// dids are the notices after a form; the address carries only the word before.
var dids = map[string]string{
	"created":  say("Created."),
	"saved":    say("Saved."),
	"deleted":  say("Deleted."),
	"disabled": say("The account is disabled: it can neither call nor be called."),
	"enabled":  say("The account is enabled again."),
}
