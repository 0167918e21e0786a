package location_test

import (
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sipward/internal/location"
)

func now() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// contact is a binding asked for: for so many seconds from now, 0 removes it.
func contact(uri string, seconds int) location.Binding {
	return location.Binding{Contact: "<" + uri + ">", URI: uri, Q: 1, Expires: now().Add(time.Duration(seconds) * time.Second)}
}

// stored is a binding as a former request left it.
func stored(uri, callID string, cseq uint32, seconds int) location.Binding {
	b := contact(uri, seconds)
	b.CallID, b.CSeq, b.Since = callID, cseq, now().Add(-time.Hour)
	return b
}

func outbound(b location.Binding, instance string, reg int, flow string) location.Binding {
	b.Instance, b.RegID, b.Flow = instance, reg, flow
	return b
}

const (
	uriA = "sip:100@192.0.2.1:5061;transport=tls"
	uriB = "sip:100@192.0.2.2:5061;transport=tls"
	uriC = "sip:100@192.0.2.3:5061;transport=tls"
)

func TestApply(t *testing.T) {
	t.Parallel()
	type row struct {
		says string // RFC 3261 section 10.3 unless another is named
		cur  []location.Binding
		req  location.Request
		want []string // the URIs that stand afterwards, in order
		err  error
	}
	for _, r := range []row{
		{
			says: "step 7: if the binding does not exist, it is added",
			req:  location.Request{CallID: "x", CSeq: 1, Contacts: []location.Binding{contact(uriA, 600)}},
			want: []string{uriA},
		}, {
			says: "step 7: if it exists and the Call-ID differs, it is updated when the expiration is not zero",
			cur:  []location.Binding{stored(uriA, "old", 99, 60)},
			req:  location.Request{CallID: "x", CSeq: 1, Contacts: []location.Binding{contact(uriA, 600)}},
			want: []string{uriA},
		}, {
			says: "step 7: … and removed when the expiration is zero",
			cur:  []location.Binding{stored(uriA, "old", 99, 60), stored(uriB, "old", 99, 60)},
			req:  location.Request{CallID: "x", CSeq: 1, Contacts: []location.Binding{contact(uriA, 0)}},
			want: []string{uriB},
		}, {
			says: "step 7: same Call-ID and a higher CSeq updates",
			cur:  []location.Binding{stored(uriA, "x", 1, 60)},
			req:  location.Request{CallID: "x", CSeq: 2, Contacts: []location.Binding{contact(uriA, 600)}},
			want: []string{uriA},
		}, {
			says: "step 7: same Call-ID and the same CSeq: the update is aborted and the request fails",
			cur:  []location.Binding{stored(uriA, "x", 2, 60)},
			req:  location.Request{CallID: "x", CSeq: 2, Contacts: []location.Binding{contact(uriA, 600)}},
			err:  location.ErrOutOfOrder,
		}, {
			says: "step 7: same Call-ID and a lower CSeq does not remove either",
			cur:  []location.Binding{stored(uriA, "x", 2, 60)},
			req:  location.Request{CallID: "x", CSeq: 1, Contacts: []location.Binding{contact(uriA, 0)}},
			err:  location.ErrOutOfOrder,
		}, {
			says: "step 7: the contact is searched by the URI comparison rules, not as text",
			cur:  []location.Binding{stored("sip:100@Phone.Example.COM;transport=tls;ob", "old", 1, 60)},
			req:  location.Request{CallID: "x", CSeq: 1, Contacts: []location.Binding{contact("sip:%3100@phone.example.com;transport=TLS", 600)}},
			want: []string{"sip:%3100@phone.example.com;transport=TLS"},
		}, {
			says: "step 7: removing what does not exist changes nothing",
			cur:  []location.Binding{stored(uriA, "x", 2, 60)},
			req:  location.Request{CallID: "x", CSeq: 1, Contacts: []location.Binding{contact(uriB, 0)}},
			want: []string{uriA},
		}, {
			says: "step 8: all contacts of a request are applied or none",
			cur:  []location.Binding{stored(uriA, "x", 5, 60)},
			req:  location.Request{CallID: "x", CSeq: 5, Contacts: []location.Binding{contact(uriB, 600), contact(uriA, 600)}},
			err:  location.ErrOutOfOrder,
		}, {
			says: "one request may add, update and remove",
			cur:  []location.Binding{stored(uriA, "x", 1, 60), stored(uriB, "x", 1, 60)},
			req:  location.Request{CallID: "x", CSeq: 2, Contacts: []location.Binding{contact(uriC, 600), contact(uriA, 0), contact(uriB, 300)}},
			want: []string{uriB, uriC},
		}, {
			says: "a contact named twice counts once, by its last mention",
			req:  location.Request{CallID: "x", CSeq: 2, Contacts: []location.Binding{contact(uriA, 600), contact(uriA, 300)}},
			want: []string{uriA},
		}, {
			says: "no contact: nothing changes, the bindings are only read",
			cur:  []location.Binding{stored(uriA, "x", 1, 60)},
			req:  location.Request{CallID: "x", CSeq: 1},
			want: []string{uriA},
		}, {
			says: "expired bindings fall out, and their CSeq with them",
			cur:  []location.Binding{stored(uriA, "x", 9, 0), stored(uriB, "x", 9, -5)},
			req:  location.Request{CallID: "x", CSeq: 1, Contacts: []location.Binding{contact(uriA, 600)}},
			want: []string{uriA},
		}, {
			says: "step 6: * removes the bindings of every Call-ID",
			cur:  []location.Binding{stored(uriA, "old", 99, 60), stored(uriB, "x", 1, 60)},
			req:  location.Request{CallID: "x", CSeq: 2, Wildcard: true},
		}, {
			says: "step 6: * with the same Call-ID and no higher CSeq fails and removes nothing",
			cur:  []location.Binding{stored(uriA, "old", 99, 60), stored(uriB, "x", 2, 60)},
			req:  location.Request{CallID: "x", CSeq: 2, Wildcard: true},
			err:  location.ErrOutOfOrder,
		}, {
			says: "step 6: * on nothing is nothing",
			req:  location.Request{CallID: "x", CSeq: 1, Wildcard: true},
		}, {
			says: "RFC 5626 section 6: the same instance and reg-id replace, whatever the URI and the flow",
			cur:  []location.Binding{outbound(stored(uriA, "x", 1, 60), "urn:uuid:1", 1, "f1"), outbound(stored(uriB, "x", 2, 60), "urn:uuid:1", 2, "f2")},
			req:  location.Request{CallID: "x", CSeq: 3, Contacts: []location.Binding{outbound(contact(uriC, 600), "urn:uuid:1", 1, "f3")}},
			want: []string{uriC, uriB},
		}, {
			says: "RFC 5626 section 4.2: one URI over two flows is two bindings",
			cur:  []location.Binding{outbound(stored(uriA, "x", 1, 60), "urn:uuid:1", 1, "f1")},
			req:  location.Request{CallID: "x", CSeq: 2, Contacts: []location.Binding{outbound(contact(uriA, 600), "urn:uuid:1", 2, "f2")}},
			want: []string{uriA, uriA},
		}, {
			says: "RFC 5626 section 6: removal by instance and reg-id leaves the other flow",
			cur:  []location.Binding{outbound(stored(uriA, "x", 1, 60), "urn:uuid:1", 1, "f1"), outbound(stored(uriB, "x", 1, 60), "urn:uuid:1", 2, "f2")},
			req:  location.Request{CallID: "x", CSeq: 2, Contacts: []location.Binding{outbound(contact(uriC, 0), "urn:uuid:1", 1, "f1")}},
			want: []string{uriB},
		}, {
			says: "RFC 5626 section 6: CSeq order holds for a replaced binding too",
			cur:  []location.Binding{outbound(stored(uriA, "x", 4, 60), "urn:uuid:1", 1, "f1")},
			req:  location.Request{CallID: "x", CSeq: 4, Contacts: []location.Binding{outbound(contact(uriB, 600), "urn:uuid:1", 1, "f1")}},
			err:  location.ErrOutOfOrder,
		}, {
			says: "RFC 5626 section 6: a reg-id without an instance is ignored",
			cur:  []location.Binding{outbound(stored(uriA, "x", 1, 60), "", 1, "f1")},
			req:  location.Request{CallID: "x", CSeq: 2, Contacts: []location.Binding{outbound(contact(uriA, 600), "", 2, "f1")}},
			want: []string{uriA},
		}, {
			says: "a contact without reg-id speaks of every binding of its URI",
			cur:  []location.Binding{outbound(stored(uriA, "x", 1, 60), "urn:uuid:1", 1, "f1"), outbound(stored(uriA, "x", 1, 60), "urn:uuid:1", 2, "f2")},
			req:  location.Request{CallID: "y", CSeq: 1, Contacts: []location.Binding{contact(uriA, 0)}},
		}, {
			says: "two instances behind two NATs may share a private address",
			cur:  []location.Binding{outbound(stored(uriA, "x", 1, 60), "urn:uuid:1", 0, "f1")},
			req:  location.Request{CallID: "y", CSeq: 1, Contacts: []location.Binding{outbound(contact(uriA, 600), "urn:uuid:2", 0, "f2")}},
			want: []string{uriA, uriA},
		}, {
			says: "a new instance at the same URI over the same flow is the old phone, installed anew",
			cur:  []location.Binding{outbound(stored(uriA, "x", 1, 60), "urn:uuid:1", 0, "f1")},
			req:  location.Request{CallID: "y", CSeq: 1, Contacts: []location.Binding{outbound(contact(uriA, 600), "urn:uuid:2", 0, "f1")}},
			want: []string{uriA},
		},
	} {
		t.Run(r.says, func(t *testing.T) {
			t.Parallel()
			cur := location.Set{Account: "acc", Version: 7, Bindings: r.cur}
			before := slices.Clone(r.cur)
			got, err := location.Apply(cur, r.req, location.Policy{}, now())
			if !errors.Is(err, r.err) {
				t.Fatalf("error %v, want %v", err, r.err)
			}
			if d := cmp.Diff(before, cur.Bindings, cmp.Comparer(sameAddr)); d != "" {
				t.Errorf("the current set was modified:\n%s", d)
			}
			if err != nil {
				return
			}
			if d := cmp.Diff(r.want, uris(got)); d != "" {
				t.Errorf("bindings (-want +got):\n%s", d)
			}
			if got.Account != cur.Account || got.Version != cur.Version {
				t.Errorf("account %q version %d do not come through", got.Account, got.Version)
			}
		})
	}
}

func TestApplyKeepsWhatTheRequestSays(t *testing.T) {
	t.Parallel()
	old := stored(uriA, "x", 1, 60)
	c := outbound(contact(uriA+";ob", 600), "urn:uuid:1", 1, "f2")
	c.Agent, c.Path, c.Q = "phone/2", []string{"<sip:edge;lr>"}, 0.5
	got, err := location.Apply(location.Set{Bindings: []location.Binding{old}},
		location.Request{CallID: "x", CSeq: 2, Contacts: []location.Binding{c}}, location.Policy{}, now())
	if err != nil {
		t.Fatal(err)
	}
	want := c
	want.CallID, want.CSeq, want.Since = "x", 2, old.Since // a refresh keeps Since
	if d := cmp.Diff([]location.Binding{want}, got.Bindings, cmp.Comparer(sameAddr)); d != "" {
		t.Errorf("binding (-want +got):\n%s", d)
	}
	got, err = location.Apply(location.Set{}, location.Request{CallID: "x", CSeq: 2, Contacts: []location.Binding{c}}, location.Policy{}, now())
	if err != nil || !got.Bindings[0].Since.Equal(now()) {
		t.Errorf("a new binding is since now: %v, %v", got.Bindings, err)
	}
}

func TestApplyLimit(t *testing.T) {
	t.Parallel()
	full := location.Set{}
	for i := range 10 {
		full.Bindings = append(full.Bindings, stored("sip:100@192.0.2.1:"+string(rune('0'+i)), "x", 1, 60))
	}
	one := func(c location.Binding) location.Request {
		return location.Request{CallID: "y", CSeq: 1, Contacts: []location.Binding{c}}
	}
	if _, err := location.Apply(full, one(contact(uriA, 600)), location.Policy{}, now()); !errors.Is(err, location.ErrTooMany) {
		t.Errorf("the 11th contact: %v, want ErrTooMany", err)
	}
	if _, err := location.Apply(full, one(contact("sip:100@192.0.2.1:3", 600)), location.Policy{}, now()); err != nil {
		t.Errorf("a refresh of a full set: %v", err)
	}
	swap := one(contact(uriA, 600))
	swap.Contacts = append(swap.Contacts, contact("sip:100@192.0.2.1:3", 0))
	if _, err := location.Apply(full, swap, location.Policy{}, now()); err != nil {
		t.Errorf("one out, one in: %v", err)
	}
	// A limit lowered meanwhile must not lock the phones out that are in.
	if s, err := location.Apply(full, one(contact("sip:100@192.0.2.1:3", 0)), location.Policy{MaxBindings: 2}, now()); err != nil || len(s.Bindings) != 9 {
		t.Errorf("removal above a lowered limit: %d bindings, %v", len(s.Bindings), err)
	}
	full.Bindings[4].Expires = now()
	if s, err := location.Apply(full, one(contact(uriA, 600)), location.Policy{}, now()); err != nil || len(s.Bindings) != 10 {
		t.Errorf("an expired binding makes room: %d bindings, %v", len(s.Bindings), err)
	}
}

func uris(s location.Set) (out []string) {
	for _, b := range s.Bindings {
		out = append(out, b.URI)
	}
	return out
}

// FuzzApply drives a set through random requests and holds Apply to what must be true of any of them.
func FuzzApply(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 60, 4, 5, 6, 0, 200, 9, 9, 1, 1})
	f.Add([]byte("\x00\x01\x00\x3c\x01\x01\x00\x3c\x00\x02\x80\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		in = in[:min(len(in), 512)] // the comparison of sets is slow, and long histories teach nothing new
		p := location.Policy{MaxBindings: 3}
		set, at := location.Set{}, now()
		for len(in) >= 4 {
			var r location.Request
			r, in = request(in, at)
			before := slices.Clone(set.Bindings)
			next, err := location.Apply(set, r, p, at)
			if !reflect.DeepEqual(before, set.Bindings) {
				t.Fatal("the current set was modified")
			}
			if err != nil {
				at = at.Add(time.Second)
				continue
			}
			check(t, set, next, r, at)
			set, at = next, at.Add(10*time.Second)
		}
	})
}

// request reads Call-ID, CSeq, a number of contacts and, for each, a URI, an instance, a reg-id and an expiry from in.
func request(in []byte, at time.Time) (r location.Request, rest []byte) {
	r.CallID, r.CSeq = string(rune('a'+in[0]%3)), uint32(in[1]%8)
	r.Wildcard = in[2] >= 250
	n := int(in[2] % 4)
	in = in[3:]
	for ; n > 0 && len(in) >= 2 && !r.Wildcard; n-- {
		b := contact([]string{uriA, uriB, uriC, "sip:%3100@192.0.2.1:5061;transport=TLS", "sip:100@192.0.2.1:5061;transport=tls;ob"}[in[0]%5], 0)
		b.Expires = at.Add(time.Duration(in[1]%80) * time.Second)
		b.Instance, b.RegID = []string{"", "urn:1", "urn:2"}[in[0]/5%3], int(in[0]/15%3)
		b.Flow = string(rune('f' + in[0]/45%3))
		r.Contacts = append(r.Contacts, b)
		in = in[2:]
	}
	return r, in
}

func check(t *testing.T, old, next location.Set, r location.Request, at time.Time) {
	t.Helper()
	if len(next.Bindings) > 3 && len(next.Bindings) > len(old.Bindings) {
		t.Fatalf("%d bindings, more than before and than the limit", len(next.Bindings))
	}
	if r.Wildcard && len(next.Bindings) > 0 {
		t.Fatal("* left a binding")
	}
	keys := map[[2]any]bool{}
	for _, b := range next.Bindings {
		if !b.Expires.After(at) {
			t.Fatalf("an expired binding stands: %+v", b)
		}
		if b.Since.After(at) || b.Since.IsZero() {
			t.Fatalf("since %v at %v", b.Since, at)
		}
		if b.Instance != "" && b.RegID > 0 {
			k := [2]any{b.Instance, b.RegID}
			if keys[k] {
				t.Fatalf("two bindings for %v", k)
			}
			keys[k] = true
		}
		fresh := b.CallID == r.CallID && b.CSeq == r.CSeq
		if !fresh && !slices.ContainsFunc(old.Bindings, func(o location.Binding) bool { return reflect.DeepEqual(o, b) }) {
			t.Fatalf("a binding from nowhere: %+v", b)
		}
	}
	if len(r.Contacts) > 0 {
		last := r.Contacts[len(r.Contacts)-1]
		stands := slices.ContainsFunc(next.Bindings, func(b location.Binding) bool {
			return b.URI == last.URI && b.Flow == last.Flow && b.Instance == last.Instance && b.CSeq == r.CSeq && b.CallID == r.CallID
		})
		if last.Expires.After(at) && !stands {
			t.Fatalf("the last contact of the request does not stand: %+v", last)
		}
	}
}

func BenchmarkApplyRefresh(b *testing.B) {
	cur := location.Set{Bindings: []location.Binding{stored(uriA, "x", 1, 60)}}
	r := location.Request{CallID: "x", CSeq: 2, Contacts: []location.Binding{contact(uriA, 600)}}
	at := now()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := location.Apply(cur, r, location.Policy{}, at); err != nil {
			b.Fatal(err)
		}
	}
}

func TestApplyRefreshAllocates(t *testing.T) { // not parallel: AllocsPerRun
	cur := location.Set{Bindings: []location.Binding{stored(uriA, "x", 1, 60)}}
	r := location.Request{CallID: "x", CSeq: 2, Contacts: []location.Binding{contact(uriA, 600)}}
	at := now()
	got := testing.AllocsPerRun(100, func() { _, _ = location.Apply(cur, r, location.Policy{}, at) })
	if got > 1 {
		t.Errorf("a refresh of one binding makes %v allocations, want the new set alone", got)
	}
}

// sameAddr lets cmp compare netip.AddrPort, which has no exported fields.
func sameAddr(a, b netip.AddrPort) bool { return a == b }
