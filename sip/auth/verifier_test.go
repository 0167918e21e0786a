package auth_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/google/go-cmp/cmp"

	"sipward/internal/account"
	"sipward/sip/auth"
	"sipward/sip/reply"
)

func TestVerify(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"SHA-256", "MD5"} {
		for _, m := range []struct {
			method gosip.RequestMethod
			code   int
			header string
		}{{gosip.REGISTER, 401, "WWW-Authenticate"}, {gosip.INVITE, 407, "Proxy-Authenticate"}, {gosip.MESSAGE, 407, "Proxy-Authenticate"}} {
			t.Run(algorithm+" "+string(m.method), func(t *testing.T) {
				t.Parallel()
				b := newBench(t, auth.Config{})
				const target = "sip:1002@example.com;transport=tls"
				if b.Signed(request(m.method, target)) {
					t.Error("a request without credentials counts as signed")
				}
				e := b.refused(t, m.code, request(m.method, target))
				if e.Headers[0].Name() != m.header || !strings.Contains(e.Headers[0].Value(), "SHA-256") || !strings.Contains(e.Headers[1].Value(), "MD5") {
					t.Errorf("RFC 8760 section 2.3 wants the strongest topmost, each on its line: %v", e.Headers)
				}
				c := challenge(t, e, algorithm)
				for count := 1; count <= 3; count++ { // one nonce serves several requests
					r := request(m.method, target, sign(t, c, m.method, target, user, password, count))
					if !b.Signed(r) {
						t.Error("a signed request does not count as signed")
					}
					a, err := b.Verify(t.Context(), r, source(), "")
					if err != nil || a.User != user {
						t.Fatalf("count %d: %q, %v", count, a.User, err)
					}
				}
				if len(b.blamed) != 0 {
					t.Errorf("blamed %v", b.blamed)
				}
			})
		}
	}
}

// A1 of the acceptance list: nothing that was said before is accepted again.
func TestReplay(t *testing.T) {
	t.Parallel()
	const target = "sip:example.com"
	b := newBench(t, auth.Config{})
	c := challenge(t, b.refused(t, 401, request(gosip.REGISTER, target)), "MD5")
	h := func(count int) gosip.Header { return sign(t, c, gosip.REGISTER, target, user, password, count) }
	if _, err := b.Verify(t.Context(), request(gosip.REGISTER, target, h(5)), source(), ""); err != nil {
		t.Fatal(err)
	}
	for says, count := range map[string]int{"the same count": 5, "a lower count": 4} {
		if e := b.refused(t, 401, request(gosip.REGISTER, target, h(count))); !challenge(t, e, "MD5").Stale {
			t.Errorf("%s: a phone that was overtaken must be able to try again: %v", says, e.Headers)
		}
	}
	b.refused(t, 400, request(gosip.REGISTER, "sip:other.example.com", h(6)))            // another uri
	b.refused(t, 401, request(gosip.REGISTER, target, rename(h(6), `"1001"`, `"1002"`))) // another user
	moved := gosip.NewHeader("Proxy-Authorization", h(6).Value())
	b.refused(t, 407, request(gosip.INVITE, target, moved)) // another method
	if n := b.blamed[source()]; n != 2 {
		t.Errorf("%d failures blamed, want the wrong user's and the wrong method's", n)
	}
	forged := rename(h(6), c.Nonce, strings.Repeat("A", len(c.Nonce)))
	if e := b.refused(t, 401, request(gosip.REGISTER, target, forged)); challenge(t, e, "MD5").Stale {
		t.Error("a forged nonce is called stale")
	}
	b.deps.Metrics = nil
	for says, v := range map[string]*auth.Verifier{
		"another node":    auth.New(auth.Config{Realm: realm, Node: "n2"}, b.deps),
		"after a restart": auth.New(auth.Config{Realm: realm, Node: "n1"}, b.deps),
	} {
		other := &bench{Verifier: v}
		if e := other.refused(t, 401, request(gosip.REGISTER, target, h(7))); !challenge(t, e, "MD5").Stale {
			t.Errorf("%s: a genuine nonce must be stale", says)
		}
	}
	b.now = b.now.Add(61 * time.Second)
	if e := b.refused(t, 401, request(gosip.REGISTER, target, h(8))); !challenge(t, e, "MD5").Stale {
		t.Error("an old nonce must be stale")
	}
	b.now = b.now.Add(-time.Hour) // F8: the clock is set back
	if e := b.refused(t, 401, request(gosip.REGISTER, target, h(9))); !challenge(t, e, "MD5").Stale {
		t.Error("a nonce from the future must be stale")
	}
	if n := b.blamed[source()]; n != 2 {
		t.Errorf("%d failures blamed: stale, forged and replayed ones are nobody's", n)
	}
	t.Logf("failures blamed on somebody: %d / limit 2", b.blamed[source()])
}

func rename(h gosip.Header, old, new string) gosip.Header {
	return gosip.NewHeader(h.Name(), strings.Replace(h.Value(), old, new, 1))
}

// A2: without the password nobody can tell the accounts apart; with it the state shows in the account returned.
func TestIndistinguishable(t *testing.T) {
	t.Parallel()
	b := newBench(t, auth.Config{Failures: 1000})
	b.add("1002", func(*account.Account) {})
	b.add("1003", func(a *account.Account) { a.Suspend("op", "", b.now) })
	b.add("1004", func(a *account.Account) { a.Credential = account.Credential{} })
	b.add("1005", func(a *account.Account) { a.Credential.MD5 = a.Credential.MD5[1:] }) // an altered record
	const target = "sip:1009@example.com"
	for _, method := range []gosip.RequestMethod{gosip.REGISTER, gosip.INVITE, gosip.MESSAGE, gosip.OPTIONS} {
		code := 407
		if method == gosip.REGISTER {
			code = 401
		}
		var want string
		for _, u := range []string{"1001", "1002", "1003", "1004", "1005", "9999", "x' OR 1=1", ""} {
			c := challenge(t, b.refused(t, code, request(method, target)), "SHA-256")
			h := sign(t, c, method, target, u, "guess", 1)
			if u == "" {
				h = rename(sign(t, c, method, target, "9998", "guess", 1), "9998", "~") // a name no account can have
			}
			e := b.refused(t, code, request(method, target, h))
			if got := shape(e); want == "" {
				want = got
			} else if got != want {
				t.Errorf("%s as %q: %s, others %s", method, u, got, want)
			}
		}
	}
	for _, u := range []string{"1002", "1003"} {
		c := challenge(t, b.refused(t, 401, request(gosip.REGISTER, target)), "SHA-256")
		a, err := b.Verify(t.Context(), request(gosip.REGISTER, target, sign(t, c, gosip.REGISTER, target, u, password, 1)), source(), "")
		if err != nil || a.State() == account.Active {
			t.Errorf("%s with its password: %q, %v", u, a.State(), err)
		}
	}
}

// shape is a refusal without its nonce.
func shape(e *reply.Error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s", e.Code, e.Phrase)
	for _, h := range e.Headers {
		v := h.Value()
		i := strings.Index(v, `nonce="`) + len(`nonce="`)
		fmt.Fprintf(&b, "|%s: %s…%s", h.Name(), v[:i], v[i+strings.IndexByte(v[i:], '"'):])
	}
	return b.String()
}

// A19: a hundred wrong passwords limit their source, for that account only; the right phone elsewhere is not locked out.
func TestFailureBudget(t *testing.T) {
	t.Parallel()
	const target = "sip:example.com"
	b := newBench(t, auth.Config{})
	b.add("1002", func(*account.Account) {})
	over := func(conn, u, pass string, src netip.Addr) error {
		_, asked := b.Verify(t.Context(), request(gosip.REGISTER, target), src, conn)
		c := challenge(t, reply.From(asked), "MD5")
		_, err := b.Verify(t.Context(), request(gosip.REGISTER, target, sign(t, c, gosip.REGISTER, target, u, pass, 1)), src, conn)
		return err
	}
	try := func(u, pass string, src netip.Addr) error { return over("", u, pass, src) }
	if err := over("phone", user, password, source()); err != nil {
		t.Fatal(err)
	}
	codes := map[int]int{}
	for range 100 {
		codes[reply.From(try(user, "guess", source())).Code]++
	}
	if d := cmp.Diff(map[int]int{401: 10, 503: 90}, codes); d != "" {
		t.Errorf("answers to 100 guesses (-want +got):\n%s", d)
	}
	if n := b.blamed[source()]; n != 10 {
		t.Errorf("blamed %d times, want once for each answer that was looked at", n)
	}
	if err := try(user, password, source()); reply.From(err).Code != 503 {
		t.Errorf("a guesser who hits must not learn it: %v", err)
	}
	if err := over("another", user, password, source()); reply.From(err).Code != 503 {
		t.Errorf("a guesser who hits over a connection must not learn it: %v", err)
	}
	if err := over("phone", "1002", "guess", source()); reply.From(err).Code != 401 {
		t.Errorf("what a connection has shown for one account is nothing for another: %v", err)
	}
	if err := try("1002", password, source()); err != nil {
		t.Errorf("another account behind the same address: %v", err)
	}
	if err := try(user, password, netip.MustParseAddr("192.0.2.8")); err != nil {
		t.Errorf("the right phone elsewhere: %v", err)
	}
	b.now = b.now.Add(61 * time.Second)
	if err := try(user, password, source()); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

// Wrong answers from an address do not slow down the phone there that is in, as long as its own are right.
func TestAConnectionThatShowedThePasswordIsNotSlowedDown(t *testing.T) {
	t.Parallel()
	const target = "sip:example.com"
	b := newBench(t, auth.Config{})
	over := func(conn, pass string) int {
		_, asked := b.Verify(t.Context(), request(gosip.REGISTER, target), source(), conn)
		c := challenge(t, reply.From(asked), "MD5")
		if _, err := b.Verify(t.Context(), request(gosip.REGISTER, target, sign(t, c, gosip.REGISTER, target, user, pass, 1)), source(), conn); err != nil {
			return reply.From(err).Code
		}
		return 200
	}
	exhaust := func() {
		for range 11 {
			over("stranger", "guess")
		}
	}
	var got []int
	note := func(conn, pass string) { got = append(got, over(conn, pass)) }
	note("phone", password)
	exhaust()
	note("other", password)
	note("phone", password)
	exhaust() // the right answer has forgiven the failures
	note("phone", "guess")
	note("phone", password) // a wrong answer: like everybody else
	if d := cmp.Diff([]int{200, 503, 200, 401, 503}, got); d != "" {
		t.Errorf("answers (-want +got):\n%s", d)
	}
}

// A nonce is for the address that was challenged: nobody can fail with his own nonce in another's name and have him limited.
func TestANonceOfAnotherSourceIsStaleAndNotCounted(t *testing.T) {
	t.Parallel()
	b := newBench(t, auth.Config{Failures: 1})
	const target = "sip:example.com"
	victim := netip.MustParseAddr("192.0.2.8")
	for range 5 {
		c := challenge(t, b.refused(t, 401, request(gosip.REGISTER, target)), "MD5")
		_, err := b.Verify(t.Context(), request(gosip.REGISTER, target, sign(t, c, gosip.REGISTER, target, user, "guess", 1)), victim, "")
		if e := reply.From(err); e.Code != 401 || !challenge(t, e, "MD5").Stale {
			t.Fatalf("a nonce from elsewhere: %v, want 401 with stale=true", err)
		}
	}
	if b.blamed[victim] != 0 {
		t.Error("the victim was blamed")
	}
	_, asked := b.Verify(t.Context(), request(gosip.REGISTER, target), victim, "")
	c := challenge(t, reply.From(asked), "MD5")
	if _, err := b.Verify(t.Context(), request(gosip.REGISTER, target, sign(t, c, gosip.REGISTER, target, user, password, 1)), victim, ""); err != nil {
		t.Errorf("the victim itself: %v", err)
	}
}

func TestExemptSourcesAreNotCounted(t *testing.T) {
	t.Parallel()
	b := newBench(t, auth.Config{Failures: 1, Exempt: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	const target = "sip:example.com"
	for range 5 {
		c := challenge(t, b.refused(t, 401, request(gosip.REGISTER, target)), "MD5")
		b.refused(t, 401, request(gosip.REGISTER, target, sign(t, c, gosip.REGISTER, target, user, "guess", 1)))
	}
	if len(b.blamed) != 0 {
		t.Errorf("blamed %v", b.blamed)
	}
}

func TestCredentialsOfOthersAreLeftAlone(t *testing.T) {
	t.Parallel()
	const target = "sip:example.com"
	b := newBench(t, auth.Config{})
	c := challenge(t, b.refused(t, 401, request(gosip.REGISTER, target)), "SHA-256")
	foreign := *c
	foreign.Realm = "elsewhere.net"
	other := sign(t, &foreign, gosip.REGISTER, target, "x", "y", 1)
	if b.Signed(request(gosip.REGISTER, target, other)) {
		t.Error("credentials for another realm count as ours")
	}
	b.refused(t, 401, request(gosip.REGISTER, target, other))
	b.refused(t, 401, request(gosip.REGISTER, target, gosip.NewHeader("Authorization", "NoOneKnowsThisScheme opaque-data=here")))
	mine := sign(t, c, gosip.REGISTER, target, user, password, 1)
	if _, err := b.Verify(t.Context(), request(gosip.REGISTER, target, other, gosip.NewHeader("AUTHORIZATION", mine.Value())), source(), ""); err != nil {
		t.Errorf("ours behind another's: %v", err)
	}
	b.refused(t, 407, request(gosip.INVITE, target, mine)) // Authorization is not Proxy-Authorization
	b.refused(t, 400, request(gosip.REGISTER, target, gosip.NewHeader("Authorization", `Digest username="`)))
}

func TestStoreAway(t *testing.T) {
	t.Parallel()
	const target = "sip:example.com"
	b := newBench(t, auth.Config{})
	b.deps.Accounts = accounts(func(string) (account.Account, error) { return account.Account{}, errors.New("no route") })
	b.deps.Metrics = nil
	b.Verifier = auth.New(auth.Config{Realm: realm}, b.deps)
	c := challenge(t, b.refused(t, 401, request(gosip.REGISTER, target)), "MD5") // a challenge needs no store
	e := b.refused(t, 503, request(gosip.REGISTER, target, sign(t, c, gosip.REGISTER, target, user, password, 1)))
	if e.Headers[0].Name() != "Retry-After" {
		t.Errorf("headers %v", e.Headers)
	}
}

func TestNewPasswordCountsAtOnce(t *testing.T) {
	t.Parallel()
	const target = "sip:example.com"
	b := newBench(t, auth.Config{})
	try := func(pass string) error {
		c := challenge(t, b.refused(t, 401, request(gosip.REGISTER, target)), "SHA-256")
		_, err := b.Verify(t.Context(), request(gosip.REGISTER, target, sign(t, c, gosip.REGISTER, target, user, pass, 1)), source(), "")
		return err
	}
	if err := try(password); err != nil {
		t.Fatal(err)
	}
	a := b.users[user]
	a.SetPassword(b.ring, realm, "paranaguá")
	b.users[user] = a
	if err := try(password); reply.From(err).Code != 401 {
		t.Errorf("the old password: %v", err)
	}
	if err := try("paranaguá"); err != nil {
		t.Errorf("the new password: %v", err)
	}
}

// Neither challenges nor wrong answers may leave anything behind (A1: bounded nonce state).
func TestOnlySuccessIsRemembered(t *testing.T) {
	t.Parallel()
	const target = "sip:example.com"
	b := newBench(t, auth.Config{Failures: 1 << 30})
	for range 200 {
		c := challenge(t, b.refused(t, 401, request(gosip.REGISTER, target)), "MD5")
		b.refused(t, 401, request(gosip.REGISTER, target, sign(t, c, gosip.REGISTER, target, user, "guess", 1)))
	}
	if n := b.Remembered(); n != 0 {
		t.Errorf("%d nonces are held after 200 challenges and wrong answers", n)
	}
}

// A2 by the clock: a wrong answer for a known user, which a cache would know at once, asks the store as often as one for
// a name nobody has.
func TestWrongAnswersCostTheSameReads(t *testing.T) {
	t.Parallel()
	const target = "sip:example.com"
	b := newBench(t, auth.Config{Failures: 1000})
	unknown := 0
	inner := b.deps.Accounts
	b.deps.Accounts = accounts(func(u string) (account.Account, error) {
		a, err := inner.CachedByUser(t.Context(), u)
		if err != nil {
			unknown++ // what is known comes out of the cache; only these reach the store
		}
		return a, err
	})
	b.deps.Metrics = nil
	b.Verifier = auth.New(auth.Config{Realm: realm}, b.deps)
	for _, u := range []string{user, "9999"} {
		unknown = 0
		c := challenge(t, b.refused(t, 401, request(gosip.REGISTER, target)), "MD5")
		b.refused(t, 401, request(gosip.REGISTER, target, sign(t, c, gosip.REGISTER, target, u, "guess", 1)))
		if unknown != 1 {
			t.Errorf("%s: %d reads of the store, want 1", u, unknown)
		}
	}
}
