package proxy

import (
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/sip/dialog"
	"sipward/sip/header"
)

// shown is how the callee sees the caller: its primary number and its owner's name, whatever From said, or nobody when
// the caller asks for privacy (RFC 3323 section 4.1, RFC 3325 section 7).
func (c *Core) shown(req *gosip.Request, caller account.Account) dialog.Address {
	if private(req) {
		nobody := header.Anonymous()
		return dialog.Address{Name: nobody.Name, URI: nobody.URI}
	}
	return c.identity(caller)
}

func (c *Core) identity(a account.Account) dialog.Address {
	id := header.Identity(a.Owner, string(a.Number), c.config.Domain)
	return dialog.Address{Name: id.Name, URI: id.URI}
}

// asserted is the P-Asserted-Identity of RFC 3325, or nothing for a private caller: the phone behind us is not trusted
// with what its peer hides.
func (c *Core) asserted(req *gosip.Request, caller account.Account) []gosip.Header {
	if private(req) {
		return nil
	}
	id := c.identity(caller)
	return []gosip.Header{gosip.NewHeader("P-Asserted-Identity", header.NameAddr(id.Name, &id.URI))}
}

// Private reports whether the sender of a request hides who it is.
func Private(req *gosip.Request) bool { return private(req) }

func private(req *gosip.Request) bool {
	for _, h := range header.Values(req, "privacy") {
		for _, v := range strings.FieldsFunc(h, func(r rune) bool { return r == ';' || r == ' ' || r == ',' }) {
			switch strings.ToLower(v) {
			case "id", "user", "header":
				return true
			}
		}
	}
	return false
}

// toAddress is a To value as an Address.
func toAddress(h *gosip.ToHeader) dialog.Address {
	return dialog.Address{Name: h.DisplayName, URI: h.Address}
}

func tagOf(p gosip.HeaderParams) string { return p.GetOr("tag", "") }
