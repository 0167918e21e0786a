package provisioning

import (
	"net/mail"
	"strings"
	"unicode/utf8"

	"sipward/internal/account"
	"sipward/internal/web"
)

// The lengths, in characters, of what people write.
const (
	maxObfuscationKey = 64
	minPassword       = 8
	maxPassword       = 128
)

// accountBody is what a client may say of an account. PATCH is a merge patch (RFC 7396) of it, without the way.
type accountBody struct {
	Way            web.Opt[string] `json:"way"`
	Kind           web.Opt[string] `json:"type"`
	Group          web.Opt[string] `json:"group_id"`
	Profile        web.Opt[string] `json:"profile_id"`
	User           web.Opt[string] `json:"user"`
	Password       web.Opt[string] `json:"password"`
	Number         web.Opt[string] `json:"number"`
	Secondary      web.Opt[string] `json:"secondary_number"`
	Owner          web.Opt[string] `json:"owner"`
	Description    web.Opt[string] `json:"description"`
	Email          web.Opt[string] `json:"email"`
	Language       web.Opt[string] `json:"language"`
	Security       web.Opt[string] `json:"security_model"`
	Obfuscation    web.Opt[bool]   `json:"obfuscation"`
	ObfuscationKey web.Opt[string] `json:"obfuscation_key"`
	KeepAlive      web.Opt[bool]   `json:"keep_alive"`
	TLSOnly        web.Opt[bool]   `json:"tls_only"`
	Messaging      web.Opt[bool]   `json:"messaging"`
}

// defaults is an account of which nothing was said yet.
func defaults() account.Account {
	return account.Account{
		Way: account.Plain, Kind: account.PGSM, Language: account.Languages()[0],
		Security: account.EndToSite, Obfuscation: true, ObfuscationKey: "9",
	}
}

// apply puts the members that were given into a, and notes what is wrong with them or missing. null brings the default
// back where there is one, and is a fault where there is none.
func (b accountBody) apply(a *account.Account, f *web.Faults) {
	def := defaults()
	oneOf(f, "/type", b.Kind, &a.Kind, def.Kind, account.PGSM, account.SNOM)
	oneOf(f, "/security_model", b.Security, &a.Security, def.Security, account.EndToSite, account.EndToEnd)
	oneOf(f, "/language", b.Language, &a.Language, def.Language, account.Languages()...)
	if b.Profile.Set {
		a.Profile = profile(f, b.Profile.Value)
	}
	b.applyNames(a, f)
	b.applyTexts(a, f)
	a.Obfuscation = given(b.Obfuscation, a.Obfuscation, def.Obfuscation)
	a.KeepAlive = given(b.KeepAlive, a.KeepAlive, def.KeepAlive)
	a.TLSOnly = given(b.TLSOnly, a.TLSOnly, def.TLSOnly)
	a.Messaging = given(b.Messaging, a.Messaging, def.Messaging)
}

// applyNames is what routes and authenticates.
func (b accountBody) applyNames(a *account.Account, f *web.Faults) {
	if b.Number.Set {
		a.Number = number(f, "/number", b.Number.Value)
	} else if a.Number == "" {
		f.Add("/number", "required", "is missing: "+account.ErrNumber.Error())
	}
	if b.Secondary.Set {
		a.Secondary = ""
		if !b.Secondary.Null && b.Secondary.Value != "" {
			a.Secondary = number(f, "/secondary_number", b.Secondary.Value)
		}
	}
	if a.Secondary != "" && a.Secondary == a.Number {
		f.Add("/secondary_number", "same", "must differ from the number: leave it out if there is only one")
	}
	if b.User.Set {
		user, err := account.ParseUser(b.User.Value)
		if err != nil {
			f.Add("/user", "user", "is not accepted: "+err.Error())
		}
		a.User = user
	}
}

// applyTexts is what people read.
func (b accountBody) applyTexts(a *account.Account, f *web.Faults) {
	if b.Owner.Set {
		a.Owner = strings.TrimSpace(b.Owner.Value)
	}
	text(f, "/owner", a.Owner, 1, account.MaxOwner)
	if b.Description.Set {
		a.Description = strings.TrimSpace(b.Description.Value)
		text(f, "/description", a.Description, 0, account.MaxDescription)
	}
	if b.Email.Set {
		a.Email = email(f, "/email", b.Email.Value)
	}
	a.ObfuscationKey = given(b.ObfuscationKey, a.ObfuscationKey, defaults().ObfuscationKey)
	text(f, "/obfuscation_key", a.ObfuscationKey, 1, maxObfuscationKey)
}

func given[T any](o web.Opt[T], present, def T) T {
	switch {
	case !o.Set:
		return present
	case o.Null:
		return def
	}
	return o.Value
}

func oneOf[T ~string](f *web.Faults, pointer string, o web.Opt[string], into *T, def T, accepted ...T) {
	v := given(o, string(*into), string(def))
	words := make([]string, len(accepted))
	for i, w := range accepted {
		words[i] = string(w)
		if v == words[i] {
			*into = w
			return
		}
	}
	f.Add(pointer, "choice", "must be one of "+strings.Join(words, ", "))
}

func number(f *web.Faults, pointer, s string) account.Number {
	n, err := account.ParseNumber(s)
	if err != nil {
		f.Add(pointer, "number", "is not accepted: "+err.Error())
	}
	return n
}

func text(f *web.Faults, pointer, s string, least, most int) {
	switch err := account.CheckText(s, most); {
	case err != nil:
		f.Add(pointer, "text", err.Error())
	case utf8.RuneCountInString(s) < least:
		f.Add(pointer, "required", "is missing: it must not be empty")
	}
}

// email accepts a bare address or nothing.
func email(f *web.Faults, pointer, s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > account.MaxEmail || account.CheckText(s, account.MaxEmail) != nil {
		f.Add(pointer, "email", "is not an e-mail address: write it as name@example.org")
	}
	return s
}

// profile checks the form of a profile's id; whether there is one is asked of the store by API.knows.
func profile(f *web.Faults, s string) account.ProfileID {
	id := account.ProfileID(s)
	if id != "" && !id.Valid() {
		f.Add("/profile_id", "unknown", noProfile)
	}
	return id
}

// password is one that a phone's digest can carry safely, for one that the operator chose.
func password(f *web.Faults, s string, a account.Account) account.Secret {
	for _, r := range s {
		if r <= ' ' || r > '~' {
			f.Add("/password", "password", "must be printable ASCII without spaces")
			return ""
		}
	}
	switch {
	case len(s) < minPassword || len(s) > maxPassword:
		f.Add("/password", "password", "must have 8 to 128 characters (leave it out and a strong one is made)")
	case s == a.User || s == string(a.Number) || s == string(a.Secondary):
		f.Add("/password", "password", "must not be the user or a number of the account")
	}
	return account.Secret(s)
}
