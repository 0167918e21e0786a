package message_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sipward/internal/message"
)

func accepted(parts ...string) message.Message {
	m := message.Message{ID: message.NewID(), Status: message.Sending, Content: message.Content{Text: "https://x/a/token"}}
	m.Accept("smpp", parts, time.Unix(100, 0))
	return m
}

func TestAStatusOnlyRises(t *testing.T) {
	t.Parallel()
	m := accepted("1")
	for _, step := range []struct {
		receipt, want message.Status
	}{
		{message.Unknown, message.Unknown}, {message.Sent, message.Unknown}, {message.Undelivered, message.Undelivered},
		{message.Rejected, message.Undelivered}, {message.Delivered, message.Delivered}, {message.Failed, message.Delivered},
		{message.Delivered, message.Delivered}, {"nonsense", message.Delivered},
	} {
		m.Receive(0, step.receipt, "", time.Unix(200, 0))
		if m.Status != step.want {
			t.Fatalf("after %s: %s, want %s", step.receipt, m.Status, step.want)
		}
	}
	if m.Receive(7, message.Delivered, "", time.Unix(1, 0)) || m.Receive(-1, message.Delivered, "", time.Unix(1, 0)) {
		t.Error("a receipt for a part that does not exist was taken")
	}
}

// Whatever order receipts come in, the outcome is the same.
func TestTheOrderOfReceiptsDoesNotMatter(t *testing.T) {
	t.Parallel()
	receipts := []message.Status{message.Sent, message.Unknown, message.Delivered, message.Delivered, message.Undelivered}
	for i := range 50 {
		r := rand.New(rand.NewPCG(1, uint64(i)))
		m := accepted("1", "2")
		for range 2 {
			for _, k := range r.Perm(len(receipts) * 2) {
				m.Receive(k%2, receipts[k/2], "", time.Unix(int64(k), 0))
			}
		}
		if m.Status != message.Delivered && m.Status != message.Undelivered {
			t.Fatalf("seed %d: %s", i, m.Status)
		}
		if m.Parts[0].Status != message.Delivered || m.Parts[1].Status != message.Delivered {
			t.Fatalf("seed %d: %+v", i, m.Parts)
		}
	}
}

func TestALongMessageIsDeliveredWhenAllItsPartsAre(t *testing.T) {
	t.Parallel()
	m := accepted("1", "2", "3")
	m.Receive(2, message.Delivered, "", time.Unix(1, 0))
	m.Receive(0, message.Delivered, "", time.Unix(2, 0))
	if m.Status != message.Sent {
		t.Fatalf("two of three parts: %s", m.Status)
	}
	m.Receive(1, message.Delivered, "", time.Unix(3, 0))
	if m.Status != message.Delivered {
		t.Fatalf("all parts: %s", m.Status)
	}
}

func TestTheContentIsForgottenAndNeverPrinted(t *testing.T) {
	t.Parallel()
	m := message.Message{Content: message.Content{Text: "https://x/a/token", HTML: "token", QR: "token"}}
	if s := fmt.Sprintf("%v %+v %#v %s", m, m, m, m.Content); strings.Contains(s, "token") {
		t.Errorf("printed: %s", s)
	}
	m.Accept("file", nil, time.Unix(1, 0))
	if m.Content.Text != "" || m.Sealed != nil {
		t.Error("what was sent is still kept")
	}
}
