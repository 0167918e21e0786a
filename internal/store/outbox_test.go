package store_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/device"
	"sipward/internal/message"
	"sipward/internal/store"
	"sipward/internal/store/storetest"
)

func letter(a account.ID, n int) message.Message {
	now := time.Now().UTC()
	id := message.NewID()
	return message.Message{ID: id, Key: string(id), Account: a, Kind: message.Test, Channel: message.SMS, To: fmt.Sprintf("+3902%06d", n),
		Status: message.Queued, Due: now, Created: now.Add(time.Duration(n) * time.Millisecond), Expires: now.Add(time.Hour)}
}

func TestTheSameKeyIsOneMessageWhoeverComesFirst(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	a := account.NewID()
	ids := make([]message.ID, 20)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			m := letter(a, i)
			m.Key = "link"
			got, err := s.Outbox.Add(t.Context(), m, 0, 0)
			if err != nil {
				t.Error(err)
			}
			ids[i] = got.ID
		})
	}
	all.Wait()
	if slices.ContainsFunc(ids, func(id message.ID) bool { return id != ids[0] }) {
		t.Errorf("one key made several messages: %v", ids)
	}
}

func TestTheLimitOfARecipientHoldsForAllAtOnce(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	var mu sync.Mutex
	queued, refused := 0, 0
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err := s.Outbox.Add(t.Context(), letter(account.NewID(), 1), 3, 0)
			var limit *message.LimitError
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				queued++
			case errors.As(err, &limit) && limit.Code == "recipient" && limit.Retry > 0 && limit.Retry <= time.Hour:
				refused++
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if queued != 3 || refused != 17 {
		t.Errorf("%d queued, %d refused", queued, refused)
	}
}

func TestMessagesAreListedByAccountAndStatus(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	ann, bob := account.NewID(), account.NewID()
	for i := range 5 {
		if _, err := s.Outbox.Add(t.Context(), letter([]account.ID{ann, bob}[i%2], i), 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	list := func(f message.Filter) (numbers []string) {
		t.Helper()
		for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
			p, err := s.Outbox.List(t.Context(), f, cursor, 2)
			if err != nil || pages > 5 {
				t.Fatal(err, pages)
			}
			for _, m := range p.Items {
				numbers = append(numbers, m.To[5:])
			}
			cursor = p.Next
		}
		return numbers
	}
	if got := list(message.Filter{}); !slices.Equal(got, []string{"000004", "000003", "000002", "000001", "000000"}) {
		t.Errorf("all: %v", got)
	}
	if got := list(message.Filter{Account: bob}); !slices.Equal(got, []string{"000003", "000001"}) {
		t.Errorf("one account's: %v", got)
	}
	claimed, err := s.Outbox.Claim(t.Context(), message.SMS, "n1", time.Minute, 2)
	if err != nil || len(claimed) != 2 {
		t.Fatal(err, len(claimed))
	}
	if got := list(message.Filter{Status: message.Sending}); len(got) != 2 {
		t.Errorf("on their way: %v", got)
	}
	if _, err := s.Outbox.List(t.Context(), message.Filter{}, "nonsense", 1); !errors.Is(err, store.ErrCursor) {
		t.Errorf("a cursor that is not ours: %v", err)
	}
}

func TestADeletedAccountTakesItsMessagesAlongAndLeavesItsPhone(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	a, _ := storetest.Account(t, s)
	if _, err := s.Outbox.Add(t.Context(), letter(a.ID, 1), 0, 0); err != nil {
		t.Fatal(err)
	}
	p := device.Phone{MAC: "000413AABBCC", Account: a.ID, Token: make([]byte, 32), Created: time.Now()}
	if _, err := s.Phones.Create(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Phones.Create(t.Context(), p); !errors.Is(err, account.ErrTaken) {
		t.Errorf("entered twice: %v", err)
	}
	if err := s.Accounts.Delete(t.Context(), a.ID, 0); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Outbox.List(t.Context(), message.Filter{}, "", 10); err != nil || len(got.Items) != 0 {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := s.Phones.ByMAC(t.Context(), p.MAC); err != nil || got.Account != "" {
		t.Errorf("%+v %v", got, err)
	}
}

func TestOldMessagesAreForgotten(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Now()
	s := storetest.Open(t, func(c *store.Config) { c.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now } })
	m, err := s.Outbox.Add(t.Context(), letter(account.NewID(), 1), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	now = now.Add(91 * 24 * time.Hour)
	mu.Unlock()
	if err := s.Outbox.Trim(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Outbox.List(t.Context(), message.Filter{Account: m.Account}, "", 10); err != nil || len(got.Items) != 0 {
		t.Errorf("%+v %v", got, err)
	}
	if n, _, err := s.Outbox.Backlog(t.Context(), message.SMS); err != nil || n != 0 {
		t.Errorf("%d wait: %v", n, err)
	}
}
