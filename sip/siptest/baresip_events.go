package siptest

import (
	"context"
	"encoding/json"
	"fmt"
)

// Event is what baresip reports: REGISTER_OK, CALL_RINGING, CALL_PROGRESS, CALL_ESTABLISHED, CALL_CLOSED, and more.
type Event struct {
	Type  string `json:"type"`
	Param string `json:"param"` // of CALL_CLOSED: the final status and phrase, or why
	Peer  string `json:"peeruri"`
}

// Command runs any long command of baresip's menu (dial, hangup, hold, resume, transfer …) and fails the test if it is
// refused.
func (b *BaresipPhone) Command(command, params string) {
	b.t.Helper()
	if err := b.ctl.command(Within(b.t), command, params); err != nil {
		b.t.Fatalf("baresip %s %s: %v", command, params, err)
	}
}

// Event waits for the next event of one of the types; others before it are passed over.
func (b *BaresipPhone) Event(ctx context.Context, types ...string) (Event, error) {
	for {
		select {
		case e, ok := <-b.ctl.events:
			if !ok {
				return Event{}, fmt.Errorf("baresip is gone; waited for %v", types)
			}
			for _, want := range types {
				if e.Type == want {
					return e, nil
				}
			}
		case <-ctx.Done():
			return Event{}, fmt.Errorf("baresip reported none of %v: %w", types, context.Cause(ctx))
		}
	}
}

// Expect is Event, failing the test when none comes.
func (b *BaresipPhone) Expect(types ...string) Event {
	b.t.Helper()
	e, err := b.Event(Within(b.t), types...)
	if err != nil {
		b.t.Fatal(err)
	}
	return e
}

// answer of the control connection.
type answer struct {
	OK    bool   `json:"ok"`
	Data  string `json:"data"`
	Token string `json:"token"`
}

func parse[T any](b []byte) (v T, err error) { return v, json.Unmarshal(b, &v) }
