package location_test

import (
	"testing"

	"sipward/internal/location"
)

// The pairs of RFC 3261 section 19.1.4, in its order, and RFC 5954 section 4.1 for IPv6.
func TestSameURI(t *testing.T) {
	t.Parallel()
	test := func(want bool, a, b string) {
		t.Helper()
		if got := location.SameURI(a, b); got != want {
			t.Errorf("SameURI(%q, %q) = %v", a, b, got)
		}
		if got := location.SameURI(b, a); got != want {
			t.Errorf("SameURI(%q, %q) = %v: not symmetric", b, a, got)
		}
	}
	const same, differ = true, false

	test(same, "sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp")
	test(same, "sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5")
	test(same, "sip:carol@chicago.com", "sip:carol@chicago.com;security=on")
	test(same, "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
		"sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com")
	test(same, "sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x")

	test(differ, "SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP") // different usernames
	test(differ, "sip:bob@biloxi.com", "sip:bob@biloxi.com:5060")                              // can resolve to different ports
	test(differ, "sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp")                     // … to different transports
	test(differ, "sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp")
	test(differ, "sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting")   // different header component
	test(differ, "sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4")                     // a look-up is no comparison
	test(differ, "sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off") // both have it, and it differs
	test(differ, "sip:bob@biloxi.com", "sips:bob@biloxi.com")                               // SIP and SIPS are never equivalent
	test(differ, "sip:bob@biloxi.com", "sip:biloxi.com")                                    // a missing user is no user
	test(differ, "sip:bob:secret@biloxi.com", "sip:bob@biloxi.com")                         // a missing password neither
	test(differ, "sip:bob@biloxi.com;maddr=192.0.2.1", "sip:bob@biloxi.com")                // maddr in one only
	test(differ, "sip:bob@biloxi.com;user=phone", "sip:bob@biloxi.com")                     // user in one only
	test(differ, "sip:bob@biloxi.com;ttl=1", "sip:bob@biloxi.com")                          // ttl in one only
	test(differ, "sip:biloxi.com;method=INVITE", "sip:biloxi.com")                          // even the default value
	test(differ, "sip:a%3Ab@biloxi.com", "sip:a:b@biloxi.com")                              // a reserved character is not its encoding
	test(same, "sip:a%3ab@biloxi.com", "sip:a%3Ab@biloxi.com")                              // hex digits have no case
	test(differ, "sip:a%3@biloxi.com", "sip:a%33@biloxi.com")                               // not an escape at all
	test(same, "sip:100@[2001:DB8::1]:5061", "sip:100@[2001:db8:0:0:0:0:0:1]:5061")         // IPv6 by value
	test(differ, "sip:100@[2001:db8::1]:5061", "sip:100@[2001:db8::2]:5061")                // another address
	test(differ, "sip:100@[2001:db8::1]:5061", "sip:100@[2001:db8::1]")                     // the port again
	test(same, "sip:1;phone-context=x@host", "sip:1;phone-context=x@host;a;b=2")            // ";" inside the user part
	test(same, "tel:+390212345678", "TEL:+390212345678")                                    // another scheme: text behind it
	test(differ, "tel:+390212345678", "tel:+390212345679")
	test(differ, "sip:a@b?x=1", "sip:a@b?x=1&y=2")
	test(differ, "", "sip:a@b")
	test(same, "", "")
}

func FuzzSameURI(f *testing.F) {
	f.Add("sip:a:b@[::1]:5060;x=1;y?q=1&r=%20", "sips:a@h")
	f.Add("sip:%61;b@h;transport=tcp", "sip:a;b@H;Transport=TCP")
	f.Fuzz(func(t *testing.T, a, b string) {
		if !location.SameURI(a, a) || !location.SameURI(b, b) {
			t.Fatal("not reflexive")
		}
		if location.SameURI(a, b) != location.SameURI(b, a) {
			t.Fatalf("not symmetric: %q, %q", a, b)
		}
	})
}
