package sip

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestRequestsShareADeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d deadlines
		parent, stop := context.WithCancel(t.Context())
		first := d.next(parent, time.Now())
		time.Sleep(deadlineSlot - time.Nanosecond)
		if d.next(parent, time.Now()) != first {
			t.Error("a request that came close behind has a context of its own")
		}
		time.Sleep(time.Nanosecond)
		second := d.next(parent, time.Now())
		if second == first {
			t.Error("the context is handed out for too long")
		}
		time.Sleep(storeTime)
		synctest.Wait()
		if first.Err() == nil || second.Err() != nil {
			t.Errorf("after storeTime: first %v, second %v", first.Err(), second.Err())
		}
		stop()
		if second.Err() == nil {
			t.Error("a context outlives the node")
		}
	})
}
