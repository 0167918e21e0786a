package main

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"sipward/internal/store/kv/kvtest"
	"sipward/sip/phone"
	"sipward/sip/siptest"
	"sipward/sip/transport"
)

// F4: a primary with one replica, which every disable must have reached before it counts. The replica is cut off, accounts are
// disabled, the primary dies, the replica is promoted: what was told to be effective holds, and nothing was told that does not.
func TestFailoverKeepsWhatIsEffective(t *testing.T) {
	t.Parallel()
	primary := kvtest.Redis(t, "--repl-diskless-sync-delay", "0")
	between, front := kvtest.NewProxy(t, primary.Addr), kvtest.NewProxy(t, primary.Addr)
	host, port, _ := net.SplitHostPort(between.Addr)
	replica := kvtest.Redis(t, "--replicaof", host+" "+port, "--repl-diskless-sync-delay", "0")
	c := testConfig(t)
	c.Redis.URL, c.Limits.Exempt = "redis://"+front.Addr+"?replicas=1", []string{"127.0.0.0/8"}
	s := start(t, c)
	group := s.group()
	const each = 10
	var lines []line
	for i := range 2 * each {
		lines = append(lines, s.line(group, fmt.Sprint(8500+i)))
	}
	phones := make([]*phone.Phone, len(lines))
	for i, l := range lines {
		phones[i] = s.phone(l, muted, s.by(transport.UDP))
	}
	var effective []int
	disable := func(from, to int) {
		for i := from; i < to; i++ {
			a := s.disable(lines[i])
			wait := 30 * time.Second
			if from > 0 {
				wait = 0 // it never comes
			}
			ch, err := s.api.Await(t.Context(), a.Change, wait)
			if err != nil {
				t.Logf("account %d: %v", i, err)
			}
			if ch.Status == "effective" {
				effective = append(effective, i)
			}
		}
	}
	disable(0, each)
	if len(effective) != each {
		t.Fatalf("F4: %d of %d disables are effective with a replica that follows", len(effective), each)
	}
	between.Swallow(true)
	disable(each, 2*each)
	if len(effective) != each {
		t.Errorf("F4: %d disables were told to be effective without a replica", len(effective)-each)
	}
	primary.Kill()
	replica.Do("REPLICAOF", "NO", "ONE")
	front.Redirect(replica.Addr)
	eventually(t, "the node works on the promoted replica", 60*time.Second, func() bool {
		return phones[2*each-1].Register(siptest.Within(t)) == nil || s.n.sip.Out(accountID(lines[2*each-1]))
	})
	served := 0
	for _, i := range effective {
		var refused *phone.Refused
		if err := phones[i].Register(siptest.Within(t)); !errors.As(err, &refused) || !slices.Contains([]int{403, 503}, refused.Code) {
			served++
		}
		if err := phones[i].Message(siptest.Within(t), "8500", "text/plain", []byte("x")); !errors.As(err, &refused) || !slices.Contains([]int{403, 503}, refused.Code) {
			served++
		}
	}
	t.Logf("F4: %d of %d effective disables got service after the failover / limit 0, %d of %d told effective without a replica / limit 0", served, each, len(effective)-each, each)
	if served > 0 {
		t.Error("F4: an effective disable was lost")
	}
}
