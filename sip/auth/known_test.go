package auth_test

import (
	"net/netip"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/sip/auth"
)

// remembering is a directory that remembers everybody in it.
type remembering struct{ accounts }

func (r remembering) KnownByUser(user string) *account.Account {
	a, err := r.accounts(user)
	if err != nil {
		return nil
	}
	return &a
}

func TestVerifyKnownDecidesOnlyWhatIsRight(t *testing.T) {
	t.Parallel()
	const target = "sip:example.com"
	b := newBench(t, auth.Config{})
	if b.VerifyKnown(request(gosip.REGISTER, target), source(), "") != nil {
		t.Fatal("a directory that remembers nobody knows somebody")
	}
	b.deps.Accounts, b.deps.Metrics = remembering{b.deps.Accounts.(accounts)}, nil
	b.Verifier = auth.New(auth.Config{Realm: realm, Node: "n1"}, b.deps)
	c := challenge(t, b.refused(t, 401, request(gosip.REGISTER, target)), "MD5")
	signed := func(user, password string, count int) *gosip.Request {
		return request(gosip.REGISTER, target, sign(t, c, gosip.REGISTER, target, user, password, count))
	}
	known := func(r *gosip.Request, from netip.Addr) bool {
		a := b.VerifyKnown(r, from, "")
		if a != nil && a.User != user {
			t.Errorf("it was signed by %q", a.User)
		}
		return a != nil
	}
	if !known(signed(user, password, 1), source()) {
		t.Error("the right answer is not known")
	}
	for what, r := range map[string]*gosip.Request{
		"a replay": signed(user, password, 1), "a wrong password": signed(user, "guess", 2), "nobody": signed("9999", password, 2),
		"no credentials": request(gosip.REGISTER, target),
		"another target": request(gosip.REGISTER, "sip:other.example", sign(t, c, gosip.REGISTER, target, user, password, 2)),
	} {
		if known(r, source()) {
			t.Errorf("%s is known", what)
		}
	}
	if known(signed(user, password, 2), netip.MustParseAddr("192.0.2.8")) {
		t.Error("a nonce is good for another source")
	}
	if len(b.blamed) > 0 {
		t.Errorf("what was not decided was counted: %v", b.blamed)
	}
	if _, err := b.Verify(t.Context(), signed(user, password, 2), source(), ""); err != nil {
		t.Errorf("Verify behind it: %v", err)
	}
}
