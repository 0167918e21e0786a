package account

import (
	"sync"
	"time"
)

// Meter counts what each account does within a minute, on this node. It is safe for concurrent use.
type Meter struct {
	most int
	now  func() time.Time

	mu     sync.Mutex // guards what follows
	minute int64      // since 1970
	spent  map[ID]int
}

// NewMeter makes a meter that allows most a minute.
func NewMeter(most int, now func() time.Time) *Meter {
	return &Meter{most: most, now: now, spent: map[ID]int{}}
}

// Take is 0 when an account may do n more, which are counted then; else how long it should wait.
func (m *Meter) Take(id ID, n int) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now().Unix()
	if at := now / 60; at != m.minute {
		m.minute = at
		clear(m.spent)
	}
	if m.spent[id]+n > m.most {
		return time.Duration(60-now%60) * time.Second
	}
	m.spent[id] += n
	return 0
}
