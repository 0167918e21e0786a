package outbox_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"sipward/internal/message"
	"sipward/internal/store/storetest"
	"sipward/provisioning/outbox"
)

// P9 by the thousand, from everywhere at once: to one number, to a prefix that is not listed, and to a number each.
func TestAThousandPumpedMessagesAreHeldBack(t *testing.T) {
	t.Parallel()
	const asked, daily = 1000, 100
	s := storetest.Open(t)
	c := outbox.Config{PerRecipient: 3, Daily: map[message.Channel]int{message.SMS: daily}, Prefixes: []string{"+39"}}
	nodes := []*rig{open(t, s, "n1", c, newGateway(ok)), open(t, s, "n2", c, newGateway(ok))}
	pump := func(to func(i int) string) map[string]int {
		said := map[string]int{}
		var mu sync.Mutex
		var all sync.WaitGroup
		turns := make(chan struct{}, 50)
		for i := range asked {
			turns <- struct{}{}
			all.Go(func() {
				defer func() { <-turns }()
				_, err := nodes[i%2].Send(t.Context(), sms(to(i), "x"))
				var limit *message.LimitError
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					said["sent"]++
				case errors.As(err, &limit):
					said[limit.Code]++
				default:
					said[err.Error()]++
				}
			})
		}
		all.Wait()
		return said
	}
	for _, c := range []struct {
		what, code string
		limit      int
		to         func(i int) string
	}{
		{"to a prefix that is not listed", "prefix", 0, func(i int) string { return fmt.Sprintf("+8811%06d", i) }},
		{"to one number within an hour", "recipient", 3, func(int) string { return "+390212345678" }},
		{"to a number each within a day, with the 3 before", "daily", daily - 3, func(i int) string { return fmt.Sprintf("+3903%06d", i) }},
	} {
		said := pump(c.to)
		t.Logf("P9: %d asked for %s, held back %d, sent %d / limit %d", asked, c.what, said[c.code], said["sent"], c.limit)
		if said["sent"] != c.limit || said[c.code] != asked-c.limit {
			t.Errorf("%s: %v", c.what, said)
		}
	}
}
