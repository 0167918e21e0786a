package relay

import (
	"errors"
	"sync"
)

// ErrTooMany is returned for one more line of an owner that has Config.PerOwner relayed.
var ErrTooMany = errors.New("relay: the account has as many lines relayed as it may")

// owners counts the lines that are relayed for each.
type owners struct {
	limit int // static after construction; 0: none

	mu    sync.Mutex
	lines map[string]int // guarded by mu; nobody at 0
}

// take counts one more, if it may be.
func (o *owners) take(owner string) bool {
	if o.limit == 0 || owner == "" {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lines[owner] >= o.limit {
		return false
	}
	o.lines[owner]++
	return true
}

func (o *owners) give(owner string) {
	if o.limit == 0 || owner == "" {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lines[owner]--; o.lines[owner] <= 0 {
		delete(o.lines, owner)
	}
}
