package location

import (
	"net/netip"
	"slices"
	"time"

	"sipward/internal/account"
)

// Binding is one contact of an account, and the flow by which it is reached (RFC 3261 section 10, RFC 5626).
type Binding struct {
	Contact  string         `json:"contact"`            // the whole Contact value as the phone sent it, parameters included, returned untouched
	URI      string         `json:"uri"`                // its URI alone
	Instance string         `json:"instance,omitempty"` // +sip.instance, quotes and angle brackets removed
	RegID    int            `json:"reg_id,omitempty"`   // RFC 5626 section 4.2; 0: none
	CallID   string         `json:"call_id"`
	CSeq     uint32         `json:"cseq"`
	Q        float32        `json:"q"` // 0 to 1, default 1
	Expires  time.Time      `json:"expires"`
	Path     []string       `json:"path,omitempty"` // RFC 3327, topmost first
	Received netip.AddrPort `json:"received"`       // where its packets come from
	Network  string         `json:"network"`        // udp, tcp, tls, ws, wss
	Cipher   string         `json:"cipher,omitempty"`
	Agent    string         `json:"agent,omitempty"` // User-Agent
	Node     string         `json:"node"`            // node id that owns the flow
	Flow     string         `json:"flow"`            // flow token on that node (transport.Flow.Token)
	Since    time.Time      `json:"since"`           // first bound
}

// Set is all bindings of one account. The store keeps it as one record; Version is the store's.
type Set struct {
	Account  account.ID `json:"id"`
	Bindings []Binding  `json:"bindings"`
	Version  uint64     `json:"-"`
}

// Live returns the bindings that have not expired at now, in the order of the set.
func (s Set) Live(now time.Time) []Binding {
	var live []Binding
	for _, b := range s.Bindings {
		if b.Expires.After(now) {
			live = append(live, b)
		}
	}
	return live
}

// Usable are the bindings of Live by which an account may be reached: what was bound before an account became TLS-only
// is there until it expires, and is not used.
func (s Set) Usable(a account.Account, now time.Time) []Binding {
	live := s.Live(now)
	if a.TLSOnly {
		live = slices.DeleteFunc(live, func(b Binding) bool { return !b.Encrypted() })
	}
	return live
}

// Encrypted reports whether the way to the phone is: TLS, or WebSocket over TLS.
func (b Binding) Encrypted() bool { return b.Network == "tls" || b.Network == "wss" }

// Home is the node at which all bindings were made, "" when there are none or they lie at several.
func (s Set) Home() (node string) {
	for i := range s.Bindings {
		if i > 0 && s.Bindings[i].Node != node {
			return ""
		}
		node = s.Bindings[i].Node
	}
	return node
}

// Until is the time at which the last binding expires; zero for an empty set.
func (s Set) Until() (t time.Time) {
	for _, b := range s.Bindings {
		if b.Expires.After(t) {
			t = b.Expires
		}
	}
	return t
}
