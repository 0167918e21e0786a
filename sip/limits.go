package sip

import (
	"strings"
	"sync"
	"time"

	"sipward/internal/account"
	"sipward/sip/reply"
)

// Limits of one account on this node: a stolen password must not cost what a thief can dial. Zero values mean no limit.
type Limits struct {
	Calls          int      // calls that it has placed and that are up, at a time (limits.calls_per_account)
	CallsPerMinute int      // calls that it places within a minute
	Prefixes       []string // beginnings of the numbers that may be dialled; empty: all
}

// The refusals of calls over a limit; the one over Limits.Calls is proxy.ErrTooMany.
var (
	errRate        = reply.New(403, "Too Many Calls", reply.Reason(21, "too many calls within a minute"))
	errDestination = reply.New(403, "Destination Not Allowed", reply.Reason(21, "destination not allowed"))
)

// limiter counts the calls of a minute. It remembers the accounts that called within the present minute.
type limiter struct {
	limits Limits
	now    func() time.Time

	mu     sync.Mutex
	minute time.Time          // guarded by mu; when the present minute began
	placed map[account.ID]int // guarded by mu; calls within it
}

func newLimiter(l Limits, now func() time.Time) *limiter {
	return &limiter{limits: l, now: now, placed: map[account.ID]int{}}
}

// admit counts a call of the account to a number, or says which limit it breaks.
func (l *limiter) admit(id account.ID, dialled string) error {
	if !l.reachable(dialled) {
		return errDestination
	}
	if l.limits.CallsPerMinute == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.now(); now.Sub(l.minute) >= time.Minute || now.Before(l.minute) {
		l.minute = now
		clear(l.placed)
	}
	if l.placed[id] >= l.limits.CallsPerMinute {
		return errRate
	}
	l.placed[id]++
	return nil
}

func (l *limiter) reachable(dialled string) bool {
	for _, p := range l.limits.Prefixes {
		if strings.HasPrefix(dialled, p) {
			return true
		}
	}
	return len(l.limits.Prefixes) == 0
}
