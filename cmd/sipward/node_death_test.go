package main

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"sipward/internal/seal"
	"sipward/internal/store/kv/kvtest"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// F13: one of two nodes is killed under load. The phones of the survivor keep their calls; those of the dead node are
// reachable again as soon as they have registered at the survivor; nobody waits for the dead node.
func TestNodeDiesUnderLoad(t *testing.T) {
	t.Parallel()
	redis := kvtest.Redis(t)
	nodes := [2]*process{}
	for i := range nodes {
		nodes[i] = spawn(t, t.TempDir(), redis.URL(), "SIPWARD_NODE_ID="+fmt.Sprintf("node-%d", i+1), "SIPWARD_ROOT_KEY="+rootText(seal.Root{7}))
	}
	const each = 6
	s := &server{t: t, api: nodes[0].api}
	group := s.group()
	var lines [2][]line
	var phones [2][]*phone.Phone
	for i := range nodes {
		for j := range each {
			l := s.line(group, fmt.Sprint(4000+100*i+j))
			lines[i] = append(lines[i], l)
			phones[i] = append(phones[i], siptest.Registered(t, at(nodes[i], l)))
		}
	}
	linked(t, phones[0][0], phones[1][0], lines[1][0].Number)
	linked(t, phones[1][0], phones[0][0], lines[0][0].Number)

	kept, _ := siptest.Talk(t, phones[0][1], lines[0][2].Number, phones[0][2])
	across, _ := siptest.Talk(t, phones[0][3], lines[1][3].Number, phones[1][3])
	orphan, _ := ringing(t, phones[0][4], phones[1][4], lines[1][4].Number)
	began := time.Now()
	nodes[1].kill()
	if _ = orphan.Wait(siptest.Within(t)); orphan.Result().Code != 480 {
		t.Errorf("the call that rang at the dead node ended with %d, want 480", orphan.Result().Code)
	}
	gaveUp := time.Since(began)
	t.Logf("a call that rang at the dead node was given up after %s / limit 500ms", gaveUp)
	if gaveUp > 500*time.Millisecond {
		t.Errorf("a call that rang at the dead node was given up after %s, want 500ms", gaveUp)
	}

	blind := time.Now()
	failed, err := phones[0][5].Call(t.Context(), lines[1][5].Number, phone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _ = failed.Wait(siptest.Within(t)); failed.Result().Code != 480 {
		t.Errorf("a call to a phone of the dead node ended with %d, want 480", failed.Result().Code)
	}
	if took := time.Since(blind); took > 500*time.Millisecond {
		t.Errorf("a call to a phone of the dead node was held up for %s, want less than 500ms", took)
	}

	var again [each]*phone.Phone
	var wg sync.WaitGroup
	for j := range each {
		wg.Go(func() { again[j] = siptest.Registered(t, at(nodes[0], lines[1][j])) })
	}
	wg.Wait()
	for j := range each {
		if j == 3 {
			continue // its caller is still in the call that lost its other half
		}
		linked(t, phones[0][j], again[j], lines[1][j].Number)
	}
	took := time.Since(began)
	t.Logf("all phones of the dead node reachable by the other: %s / limit 5s", took)
	if took > 5*time.Second {
		t.Errorf("it took %s, want 5s", took)
	}
	if err := kept.Hangup(siptest.Within(t)); err != nil {
		t.Errorf("a call on the surviving node was lost: %v", err)
	}
	_ = across.Hangup(siptest.Within(t)) // nobody is left to answer
}

// at is a phone of a line at a process, over UDP, muted.
func at(p *process, l line) phone.Config {
	return phone.Config{
		Server: p.udp, Transport: "udp", Domain: realm, User: l.User, Password: phone.Secret(l.Password), Mute: true,
	}
}

// linked waits until a call from one phone gets through to another, and ends it.
func linked(t *testing.T, from, to *phone.Phone, number string) {
	t.Helper()
	eventually(t, "a call to "+number+" gets through", 5*time.Second, func() bool {
		err := from.Message(siptest.Within(t), number, "text/plain", []byte("are you there?"))
		if err != nil {
			return false
		}
		_, err = to.Inbox(siptest.Within(t))
		return err == nil
	})
	ours, _ := siptest.Talk(t, from, number, to)
	if err := ours.Hangup(siptest.Within(t)); err != nil {
		t.Error(err)
	}
}
