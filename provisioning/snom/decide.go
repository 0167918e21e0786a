package snom

import (
	"net/http"

	"sipward/internal/account"
	"sipward/internal/device"
)

// facts are what is known of a request when it is decided.
type facts struct {
	Cert      device.MAC // of the factory certificate; empty: none, or none that tls.snom_ca vouches for
	Tokened   bool       // the address has a token
	Token     bool       // which a phone has
	URL       device.MAC // in the file's name
	Agent     device.MAC // in the User-Agent
	Network   bool       // from a network that needs no proof
	Strange   bool       // the file's name is none of ours
	General   bool       // the general file of a model
	Known     bool       // the phone is entered
	Phone     device.MAC // whose token it is
	Assigned  bool       // it has an account, which exists
	State     account.State
	Unchanged bool // If-None-Match names what would be served
}

// proven is whether the request comes from a phone, and not from someone who guesses.
func (f facts) proven() bool { return f.Token || f.Cert != "" || f.Network }

// verdict is what is done with a request.
type verdict struct {
	Status   int
	Result   string // in the fetch log
	Wait     bool   // the phone goes on the waiting list
	Guess    bool   // it counts against its source
	Security bool   // it is told to the operator as an attack
}

// row is one line of the decision table.
type row struct {
	name string
	when func(facts) bool
	then verdict
}

// table decides every fetch: the first row that matches counts. The last one matches all.
func table() []row {
	const notFound = http.StatusNotFound
	return []row{
		{"the certificate is another phone's", func(f facts) bool {
			return f.Cert != "" && (differ(f.Cert, f.URL) || differ(f.Cert, f.Agent) || f.Token && f.Cert != f.Phone)
		}, verdict{Status: http.StatusForbidden, Result: "cert_mac_mismatch", Security: true, Guess: true}},
		{"the token is nobody's", func(f facts) bool { return f.Tokened && !f.Token }, verdict{Status: notFound, Result: "bad_token", Guess: true}},
		{"the token is another phone's", func(f facts) bool { return f.Token && (differ(f.Phone, f.URL) || differ(f.Phone, f.Agent)) },
			verdict{Status: notFound, Result: "mac_mismatch", Security: true, Guess: true}},
		{"nothing proves the phone", func(f facts) bool { return !f.proven() }, verdict{Status: http.StatusForbidden, Result: "not_allowed", Guess: true}},
		{"the file is none of ours", func(f facts) bool { return f.Strange }, verdict{Status: notFound, Result: "unknown_file"}},
		{"the general file", func(f facts) bool { return f.General }, verdict{Status: http.StatusOK, Result: "general"}},
		{"the phone is not entered", func(f facts) bool { return !f.Known }, verdict{Status: notFound, Result: "waiting", Wait: true}},
		{"the phone has no account", func(f facts) bool { return !f.Assigned }, verdict{Status: notFound, Result: "unassigned"}},
		{"the account is disabled", func(f facts) bool { return f.State == account.Disabled }, verdict{Status: http.StatusOK, Result: "disabled"}},
		{"the phone has it already", func(f facts) bool { return f.Unchanged }, verdict{Status: http.StatusNotModified, Result: "unchanged"}},
		{"all is well", func(facts) bool { return true }, verdict{Status: http.StatusOK, Result: "served"}},
	}
}

// differ compares what two sources say of the MAC; one that says nothing does not contradict.
func differ(a, b device.MAC) bool { return a != "" && b != "" && a != b }

func decide(f facts) verdict {
	rows := table()
	for _, r := range rows {
		if r.when(f) {
			return r.then
		}
	}
	return rows[len(rows)-1].then
}
