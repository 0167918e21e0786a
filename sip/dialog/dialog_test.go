package dialog_test

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/call"
	"sipward/sip/dialog"
	"sipward/sip/transport"
	"sipward/sip/tx"
)

// nobody sends nothing: legs without flows get no BYE.
type nobody struct{}

func (nobody) Request(*transport.Flow, *gosip.Request, func(*gosip.Response, error)) (*tx.Client, error) {
	return nil, tx.ErrTransport
}

type rig struct {
	*dialog.Table
	ended []call.Record
}

func newRig(perCaller int) *rig {
	r := &rig{}
	r.Table = dialog.New(dialog.Config{
		Key: bytes.Repeat([]byte{1}, 32), PerCaller: perCaller, Now: time.Now, Ended: func(c call.Record) { r.ended = append(r.ended, c) },
	}, nobody{})
	return r
}

const alice, bob = account.ID("a"), account.ID("b")

func (r *rig) begin(t *testing.T) *dialog.Dialog {
	t.Helper()
	d, err := r.Begin(call.Record{CallID: "c"}, dialog.Leg{Account: alice, Tag: "from"}, nil, func(dialog.Reason) {}, alice, bob)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestCookiesAreGenuine(t *testing.T) {
	t.Parallel()
	r := newRig(0)
	d := r.begin(t)
	if r.Find(d.Cookie) != d {
		t.Error("a dialog is not found by its cookie")
	}
	forged := []byte(d.Cookie)
	forged[3] ^= 1
	for _, c := range []string{"", string(forged), d.Cookie + "A", "../../x"} {
		if r.Find(c) != nil {
			t.Errorf("found by %q", c)
		}
	}
}

func TestPerCaller(t *testing.T) {
	t.Parallel()
	r := newRig(2)
	first := r.begin(t)
	r.begin(t)
	if _, err := r.Begin(call.Record{}, dialog.Leg{Account: alice}, nil, nil, alice); !errors.Is(err, dialog.ErrTooMany) {
		t.Fatalf("a third call: %v", err)
	}
	if _, err := r.Begin(call.Record{}, dialog.Leg{Account: bob}, nil, nil, bob); err != nil {
		t.Fatalf("another caller: %v", err)
	}
	first.Forget()
	first.Forget()
	r.begin(t)
	if len(r.ended) != 1 {
		t.Errorf("%d records of one ended call", len(r.ended))
	}
}

// A caller that hangs up one of two answers keeps the other.
func TestLeave(t *testing.T) {
	t.Parallel()
	r := newRig(0)
	d := r.begin(t)
	d.Answer(dialog.Leg{Tag: "one"}, true)
	d.Answer(dialog.Leg{Tag: "two"}, true)
	d.Answer(dialog.Leg{Tag: "rang"}, false)
	d.Leave("two")
	if _, ok := d.Cross("from", "two"); ok || r.Len() != 1 {
		t.Error("the part that was hung up goes on, or took the call with it")
	}
	if x, ok := d.Cross("one", "from"); !ok || x.To.Account != alice {
		t.Errorf("the other part: %v %v", x, ok)
	}
	d.Leave("one")
	if _, ok := d.Cross("one", "from"); ok || r.Len() != 0 || len(r.Involving(alice)) != 0 {
		t.Error("the call goes on")
	}
}

// RFC 6665: a subscription lives as long as it was granted, also one within a call that has ended.
func TestSubscriptions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(0)
		sub := r.Subscribe("s", dialog.Leg{Account: alice, Tag: "from"}, alice, bob)
		sub.Answer(dialog.Leg{Tag: "to", Account: bob}, true)
		sub.Subscribed(time.Minute)
		transfer := r.begin(t)
		transfer.Answer(dialog.Leg{Tag: "to"}, true)
		transfer.Subscribed(time.Minute)
		transfer.Leave("to")
		if r.Len() != 0 || len(r.ended) != 1 {
			t.Errorf("%d calls, %d records: a subscription is no call", r.Len(), len(r.ended))
		}
		for _, d := range []*dialog.Dialog{sub, transfer} {
			if _, ok := d.Cross("to", "from"); !ok {
				t.Error("a living subscription is not known")
			}
		}
		time.Sleep(time.Minute + dialog.Grace)
		for _, d := range []*dialog.Dialog{sub, transfer} {
			if _, ok := d.Cross("to", "from"); ok {
				t.Error("an ended subscription is known")
			}
		}
		r.Prune()
		if r.Find(sub.Cookie) != nil || r.Find(transfer.Cookie) != nil || len(r.Parties()) != 0 {
			t.Error("it is not forgotten")
		}
	})
}

func TestDisableDropsSubscriptions(t *testing.T) {
	t.Parallel()
	r := newRig(0)
	sub := r.Subscribe("s", dialog.Leg{Account: alice, Tag: "from"}, alice, bob)
	for _, d := range r.Involving(bob) {
		d.End(dialog.Reason{})
	}
	if r.Find(sub.Cookie) != nil || len(r.ended) != 0 {
		t.Error("it lives on, or left the record of a call")
	}
}

// A confirmed call without a living flow is dropped after a transaction's time, an early one is the fork's to end.
func TestPrune(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(0)
		early, up := r.begin(t), r.begin(t)
		up.Answer(dialog.Leg{Tag: "to"}, true)
		r.Prune()
		time.Sleep(33 * time.Second)
		r.Prune()
		if r.Find(up.Cookie) != nil || r.Find(early.Cookie) == nil {
			t.Error("the dead call stays, or the early one went")
		}
	})
}

// Who is not proven moves nothing; who is, does.
func TestHeard(t *testing.T) {
	t.Parallel()
	r := newRig(0)
	d := r.begin(t)
	d.Answer(dialog.Leg{Tag: "to", Seen: 1}, true)
	x, _ := d.Cross("from", "to")
	if y, _ := d.Cross("from", "to"); y.To.Seen != 1 {
		t.Errorf("looking moved the CSeq to %d", y.To.Seen)
	}
	d.Heard(x, 7)
	if y, _ := d.Cross("to", "from"); y.From.Seen != 7 || y.To.CSeq != 7 {
		t.Errorf("after CSeq 7: %+v", y)
	}
}
