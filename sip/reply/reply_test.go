package reply_test

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/sip/reply"
)

func TestFrom(t *testing.T) {
	t.Parallel()
	refusal := reply.New(486, "Busy Here")
	for _, c := range []struct {
		what   string
		err    error
		code   int
		phrase string
	}{
		{"a refusal is itself", refusal, 486, "Busy Here"},
		{"a wrapped refusal too", fmt.Errorf("callee: %w", refusal), 486, "Busy Here"},
		{"disabled", account.ErrDisabled, 403, "Forbidden"},
		{"pending looks the same", account.ErrPending, 403, "Forbidden"},
		{"a service it does not have", account.ErrNoDevice, 403, "Forbidden"},
		{"wrapped", fmt.Errorf("caller: %w", account.ErrDisabled), 403, "Forbidden"},
		{"unknown number", account.ErrNotFound, 404, "Not Found"},
		{"the store is away", io.ErrUnexpectedEOF, 503, "Service Unavailable"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			got := reply.From(c.err)
			if got.Code != c.code || got.Phrase != c.phrase {
				t.Errorf("From(%v) = %d %s, want %d %s", c.err, got.Code, got.Phrase, c.code, c.phrase)
			}
			if !errors.Is(got, c.err) && !errors.Is(c.err, got) {
				t.Error("the cause is lost to our log")
			}
		})
	}
}

// What the peer sees never holds a cause: neither phrase nor headers.
func TestUnknownErrorsDoNotLeak(t *testing.T) {
	t.Parallel()
	e := reply.From(errors.New("redis: password wrong"))
	if e.Phrase != "Service Unavailable" || len(e.Headers) != 1 || e.Headers[0].Name() != "Retry-After" {
		t.Errorf("refusal %q with %v", e.Phrase, e.Headers)
	}
	if e.Error() != "503 Service Unavailable: redis: password wrong" {
		t.Errorf("for the log: %q", e.Error())
	}
}

// L6: a crowd that is refused must not come back at once, nor all at the same second.
func TestRetryAfterIsSpread(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 1000 {
		n, err := strconv.Atoi(reply.RetryAfter().Value())
		if err != nil || n < 10 || n > 60 {
			t.Fatalf("Retry-After %d, want 10 to 60 (%v)", n, err)
		}
		seen[n] = true
	}
	if len(seen) < 40 {
		t.Errorf("%d different values of 51 in 1000", len(seen))
	}
}

// RFC 3326 section 2, RFC 6432 section 3.
func TestReason(t *testing.T) {
	t.Parallel()
	h := reply.Reason(21, "account disabled")
	if got := h.String(); got != `Reason: Q.850;cause=21;text="account disabled"` {
		t.Errorf("got %s", got)
	}
}

func TestWithAndBecauseCopy(t *testing.T) {
	t.Parallel()
	base := reply.New(403, "Forbidden", gosip.NewHeader("A", "1"))
	a, b := base.With(gosip.NewHeader("B", "2")), base.With(gosip.NewHeader("C", "3"))
	c := base.Because(io.EOF)
	if len(base.Headers) != 1 || base.Cause != nil {
		t.Errorf("the original changed: %v, cause %v", base.Headers, base.Cause)
	}
	if a.Headers[1].Name() != "B" || b.Headers[1].Name() != "C" || !errors.Is(c, io.EOF) {
		t.Errorf("copies: %v, %v, %v", a.Headers, b.Headers, c)
	}
}
