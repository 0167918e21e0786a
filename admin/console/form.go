package console

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"sipward/internal/apiclient"
)

// form is what was typed, and what is wrong with it, so that a form can be shown again.
type form struct {
	url.Values
	Faults map[string]string // by field
	Fault  string            // of the whole
	Mend   string
	status int
}

// filled is a form as it was sent.
func (v *visit) filled() form {
	_ = v.r.PostFormValue("") // parses it; what cannot be parsed is empty, and then something is missing
	return form{Values: v.r.PostForm}
}

// wrong reads a refusal into the form; the refusals that no other typing mends are returned.
func (v *visit) wrong(f *form, err error) error {
	var p *apiclient.Problem
	if !errors.As(err, &p) {
		return err
	}
	switch p.Status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusForbidden, http.StatusPreconditionFailed,
		http.StatusTooManyRequests, http.StatusGone, http.StatusUnauthorized:
	default:
		return err
	}
	f.Faults, f.status = map[string]string{}, p.Status
	for _, e := range p.Errors {
		name := strings.TrimPrefix(e.Pointer, "/")
		if cut := strings.LastIndexByte(name, '/'); cut >= 0 {
			name = name[cut+1:]
		}
		f.Faults[name] = v.t(e.Message)
	}
	f.Fault, f.Mend = v.t(plain(p)), v.t(p.Detail)
	if len(p.Errors) > 0 {
		f.Mend = f.elsewhere()
	}
	return nil
}

// elsewhere tells the faults whose fields the form does not have.
func (f form) elsewhere() string {
	var all []string
	for name, message := range f.Faults {
		if _, ok := f.Values[name]; !ok {
			all = append(all, name+" "+message)
		}
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

// show renders a form; with the status of the refusal when there was one.
func (v *visit) show(name, title string, f form, data any) error {
	status := f.status
	if status == 0 || v.partial() {
		status = http.StatusOK
	}
	return v.write(status, name, frame{Title: title, Data: data})
}

// words are the trimmed values of fields, for a body; an empty one is null, which clears it.
func (f form) words(names ...string) map[string]any {
	m := map[string]any{}
	for _, name := range names {
		if s := strings.TrimSpace(f.Get(name)); s != "" {
			m[name] = s
		} else {
			m[name] = nil
		}
	}
	return m
}

// ticks are the boxes of a form, true or false.
func (f form) ticks(m map[string]any, names ...string) map[string]any {
	for _, name := range names {
		m[name] = f.Get(name) != ""
	}
	return m
}

// without leaves out what is null, where the API wants a value or nothing.
func without(m map[string]any, names ...string) map[string]any {
	for _, name := range names {
		if m[name] == nil {
			delete(m, name)
		}
	}
	return m
}
