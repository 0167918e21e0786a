package transport_test

import (
	"strings"
	"testing"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/google/go-cmp/cmp"

	"sipward/sip/transport"
)

// essence is what two readings of a message must agree on.
type essence struct {
	Start                            string
	From, To, FromTag, ToTag, CallID string
	CSeq, Via                        string
	Headers                          []string
	Body                             string
}

func essenceOf(m gosip.Message) essence {
	e := essence{Body: string(m.Body())}
	var headers []gosip.Header
	switch m := m.(type) {
	case *gosip.Request:
		e.Start, headers = m.StartLine(), m.Headers()
	case *gosip.Response:
		e.Start, headers = m.StartLine(), m.Headers()
	}
	for _, h := range headers {
		e.Headers = append(e.Headers, strings.ToLower(h.Name())+": "+h.Value())
	}
	e.From, e.To = m.From().Address.String(), m.To().Address.String()
	e.FromTag, _ = m.From().Params.Get("tag")
	e.ToTag, _ = m.To().Params.Get("tag")
	e.CallID, e.CSeq = m.CallID().Value(), m.CSeq().Value()
	if v := m.Via(); v != nil { // sipgo reads no Via with a comma in quotes
		e.Via = v.Value()
	}
	return e
}

// roundTrip checks that what is relayed reads again as the same message, field by field.
func roundTrip(t testing.TB, m gosip.Message) {
	t.Helper()
	want := essenceOf(m)
	wire, err := transport.Serialise(m)
	if err != nil {
		t.Fatal(err)
	}
	again, code, _ := transport.Parse(wire)
	if again == nil {
		t.Fatalf("what we relay we refuse ourselves with %d: %q", code, wire)
	}
	if d := cmp.Diff(want, essenceOf(again)); d != "" {
		t.Fatalf("reads differently the second time: %s\n%q", d, wire)
	}
}
