package auth_test

import (
	"net/netip"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/auth"
)

// signed returns requests that answer one challenge with rising counts.
func signed(tb testing.TB, b *bench, algorithm string, n int) []*gosip.Request {
	const target = "sip:example.com"
	c := challenge(tb, b.refused(tb, 401, request(gosip.REGISTER, target)), algorithm)
	out := make([]*gosip.Request, n)
	for i := range out {
		out[i] = request(gosip.REGISTER, target, sign(tb, c, gosip.REGISTER, target, user, password, i+1))
	}
	return out
}

func BenchmarkVerify(b *testing.B) {
	for _, algorithm := range []string{"MD5", "SHA-256"} {
		b.Run(algorithm, func(b *testing.B) {
			s := newBench(b, auth.Config{})
			reqs := signed(b, s, algorithm, 256)
			ctx, src := b.Context(), source()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%len(reqs) == 0 {
					s.Forget() // so that the same requests can be verified again
				}
				if _, err := s.Verify(ctx, reqs[i%len(reqs)], src, ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkChallenge(b *testing.B) {
	s := newBench(b, auth.Config{})
	r := request(gosip.REGISTER, "sip:example.com")
	b.ReportAllocs()
	for b.Loop() {
		_ = s.Challenge(r, netip.Addr{}, false)
	}
}

func TestVerifyAllocates(t *testing.T) { // not parallel: AllocsPerRun
	s := newBench(t, auth.Config{})
	reqs := signed(t, s, "SHA-256", 102)
	i := 0
	got := testing.AllocsPerRun(100, func() {
		if _, err := s.Verify(t.Context(), reqs[i], source(), ""); err != nil {
			t.Fatal(err)
		}
		i++
	})
	t.Logf("%v / 8 allocations", got)
	if got > 8 {
		t.Errorf("%v allocations to verify, want 8 at most", got)
	}
}
