package registrar

import (
	"strconv"
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// contact is one value of a Contact header, cut where we need it; the strings are parts of the header.
type contact struct {
	value    string // as sent, without its expires parameter
	uri      string
	instance string  // +sip.instance without quotes and angle brackets
	regID    int     // 0: none
	q        float32 // 1 when absent
	expires  string  // raw; "" when absent
	expiring bool    // expires was given
}

// fault is a way a Contact can be wrong; it is the phrase of the 400.
type fault string

func (f fault) Error() string { return string(f) }

// The faults of a Contact.
const (
	errContact  fault = "Malformed Contact"
	errScheme   fault = "Contact Is Not a SIP or SIPS URI"
	errQ        fault = "Contact q Is Not Between 0 and 1"
	errRegID    fault = "Contact reg-id Is Not a Positive Number"
	errInstance fault = "Contact +sip.instance Is Malformed"
)

// parseContact reads a name-addr or an addr-spec with its parameters (RFC 3261 sections 20.10 and 25.1). What sipgo
// would change (quotes, blanks, case) comes back as it was sent.
func parseContact(v string) (c contact, err error) {
	v = strings.Trim(v, " \t")
	c = contact{value: v, q: 1}
	uri, params, err := cutAddress(v)
	if err != nil {
		return c, err
	}
	if c.uri = uri; !routable(uri) {
		return c, errScheme
	}
	return c, c.params(params)
}

// cutAddress splits a value into its URI and the parameters behind it, which begin with ";" or are empty.
func cutAddress(v string) (uri, params string, err error) {
	open, err := openBracket(v)
	switch {
	case err != nil:
		return "", "", err
	case open < 0: // addr-spec: everything behind the first ";" belongs to the header, and "?" and "," need brackets
		uri = v
		if i := strings.IndexByte(v, ';'); i >= 0 {
			uri, params = v[:i], v[i:]
		}
		uri = strings.TrimRight(uri, " \t")
		if strings.ContainsAny(uri, "?,") {
			return "", "", errContact
		}
	default:
		end := strings.IndexByte(v[open:], '>')
		if end < 0 {
			return "", "", errContact
		}
		uri, params = v[open+1:open+end], strings.TrimLeft(v[open+end+1:], " \t")
	}
	if params != "" && params[0] != ';' || !clean(uri) {
		return "", "", errContact
	}
	return uri, params, nil
}

// openBracket finds the "<" behind a display name, -1 when there is none.
func openBracket(v string) (int, error) {
	quoted := false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			return i, nil
		case c == ';' || c == '@': // an addr-spec: what follows is no display name
			return -1, nil
		}
	}
	if quoted {
		return -1, errContact
	}
	return -1, nil
}

// clean allows what can stand in a URI: it goes into a Request-Line one day.
func clean(uri string) bool {
	for i := 0; i < len(uri); i++ {
		if c := uri[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '>' || c == '\\' || c == '^' || c == '`' || c == '{' || c == '|' || c == '}' {
			return false
		}
	}
	return uri != ""
}

// routable reports whether a request can be sent to the URI: other schemes (mailto, tel) may be registered by the RFC,
// but no phone behind a flow answers to them.
func routable(uri string) bool {
	scheme, _, ok := strings.Cut(uri, ":")
	if !ok || !strings.EqualFold(scheme, "sip") && !strings.EqualFold(scheme, "sips") {
		return false
	}
	var u gosip.Uri
	return gosip.ParseUri(uri, &u) == nil && u.Host != "" && !u.Wildcard && !strings.ContainsAny(u.Host, "@;?/")
}

// params reads what concerns us and leaves the rest where it is; the expires parameter is cut out of the value, because
// the answer carries its own.
func (c *contact) params(s string) error {
	for at := len(c.value) - len(s); at < len(c.value); {
		end := paramEnd(c.value, at)
		if end < 0 {
			return errContact
		}
		name, value, _ := strings.Cut(c.value[at+1:end], "=")
		name, value = strings.Trim(name, " \t"), strings.Trim(value, " \t")
		if ours(name) {
			if strings.EqualFold(name, "expires") && !c.expiring { // the first one counts, none goes out again
				c.expires, c.expiring = value, true
			}
			c.value = strings.TrimRight(c.value[:at]+c.value[end:], " \t")
			continue
		}
		if err := c.param(name, value); err != nil {
			return err
		}
		at = end
	}
	return nil
}

// ours reports the parameters that the answer has of its own (RFC 3261 section 10.3 step 8, RFC 5627 section 5.1).
func ours(name string) bool {
	return strings.EqualFold(name, "expires") || strings.EqualFold(name, "pub-gruu") || strings.EqualFold(name, "temp-gruu")
}

// paramEnd is where the parameter that begins with the ";" at i ends, -1 for an open quote.
func paramEnd(s string, i int) int {
	quoted := false
	for i++; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ';' && !quoted:
			return i
		}
	}
	if quoted {
		return -1
	}
	return len(s)
}

func (c *contact) param(name, value string) (err error) {
	switch {
	case strings.EqualFold(name, "q"):
		c.q, err = parseQ(value)
	case strings.EqualFold(name, "reg-id"):
		c.regID, err = strconv.Atoi(value)
		if err != nil || c.regID < 1 || c.regID > 1<<31-1 || value[0] == '+' { // RFC 5626 section 11.2
			return errRegID
		}
	case strings.EqualFold(name, "+sip.instance"):
		n := len(value)
		if n < 5 || n > 255 || value[:2] != `"<` || value[n-2:] != `>"` || strings.ContainsAny(value[2:n-2], `"<>\`) {
			return errInstance // RFC 5626 section 4.1
		}
		c.instance = value[2 : n-2]
	}
	return err
}

// parseQ reads a qvalue: 0 to 1 with at most three decimals (RFC 3261 section 25.1).
func parseQ(s string) (float32, error) {
	if len(s) == 0 || len(s) > 5 || s[0] != '0' && s[0] != '1' || len(s) > 1 && s[1] != '.' {
		return 0, errQ
	}
	q, err := strconv.ParseFloat(s, 32)
	if err != nil || q > 1 {
		return 0, errQ
	}
	return float32(q), nil
}
