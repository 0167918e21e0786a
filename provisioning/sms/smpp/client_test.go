package smpp_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"go.uber.org/goleak"

	"sipward/internal/account"
	"sipward/internal/message"
	"sipward/provisioning/sms/smpp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type told struct {
	ids []string
	r   message.Receipt
}

func client(t *testing.T, s *smsc, change func(*smpp.Config)) (*smpp.Client, chan told) {
	t.Helper()
	heard := make(chan told, 10)
	config := smpp.Config{Address: s.l.Addr().String(), SystemID: "sipward", Password: account.Secret("secret"), From: "PGSM", Timeout: 5 * time.Second}
	if change != nil {
		change(&config)
	}
	c, err := smpp.New(config, smpp.Deps{Log: slog.New(slog.DiscardHandler), Receipt: func(_ context.Context, driver string, ids []string, r message.Receipt) error {
		if driver != "smpp" {
			return errors.New("wrong driver")
		}
		if r.To == "666" {
			return errors.New("store away")
		}
		heard <- told{ids, r}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return c, heard
}

// send tries until the client is bound.
func send(t *testing.T, c *smpp.Client, text string) ([]string, error) {
	t.Helper()
	until(t, c.Bound)
	return c.Send(t.Context(), message.Message{To: "+390212345678", Content: message.Content{Text: text}})
}

func until(t *testing.T, f func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !f(); {
		if time.Now().After(end) {
			t.Fatal("it did not happen within 10 s")
		}
		select {
		case <-t.Context().Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestAnSMSIsSubmittedWithAReceiptAskedFor(t *testing.T) {
	t.Parallel()
	s := newSMSC(t)
	s.id = func(int) string { return "0000A1B2" }
	c, _ := client(t, s, nil)
	ids, err := send(t, c, "Open https://sip.example.com/a/AbC_d-{1} €")
	if err != nil || !slices.Equal(ids, []string{"a1b2"}) {
		t.Fatalf("%v %v", ids, err)
	}
	got := s.got[0]
	if got.to != "390212345678" || got.from != "PGSM" || got.ton != 5 || got.registered != 1 || got.coding != 0 || got.esm != 0 {
		t.Errorf("%+v", got)
	}
	if want := "Open https://sip.example.com/a/AbC\x11d-\x1b\x281\x1b\x29 \x1b\x65"; string(got.text) != want {
		t.Errorf("text %q, want %q", got.text, want)
	}
}

func TestTheSenderHasItsType(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{"PGSM": "5 0 PGSM", "+39021": "1 1 39021", "4711": "3 0 4711", "": "0 0 "} {
		s := newSMSC(t)
		c, _ := client(t, s, func(c *smpp.Config) { c.From = from })
		if _, err := send(t, c, "x"); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%d %d %s", s.got[0].ton, s.got[0].npi, s.got[0].from); got != want {
			t.Errorf("%q: %s, want %s", from, got, want)
		}
	}
}

func TestALongTextIsSplit(t *testing.T) {
	t.Parallel()
	for _, sar := range []bool{false, true} {
		s := newSMSC(t)
		c, _ := client(t, s, func(c *smpp.Config) { c.SAR = sar })
		ids, err := send(t, c, strings.Repeat("a", 200))
		if err != nil || len(ids) != 2 || len(s.got) != 2 {
			t.Fatalf("%v %v", ids, err)
		}
		for i, got := range s.got {
			if sar {
				if got.esm != 0 || got.sar[0x20e][0] != 2 || got.sar[0x20f][0] != byte(i+1) || len(got.text) != []int{153, 47}[i] {
					t.Errorf("part %d: %+v", i, got)
				}
				continue
			}
			if h := got.text[:6]; got.esm != 0x40 || h[0] != 5 || h[1] != 0 || h[2] != 3 || h[3] != s.got[0].text[3] || h[4] != 2 || h[5] != byte(i+1) || len(got.text)-6 != []int{153, 47}[i] {
				t.Errorf("part %d: %+v", i, got)
			}
		}
	}
}

func TestTheAlphabetAndTheLengths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text   string
		coding byte
		parts  []int // octets
	}{
		{strings.Repeat("a", 160), 0, []int{160}}, {strings.Repeat("a", 161), 0, []int{153, 8}},
		{strings.Repeat("€", 80), 0, []int{160}}, {strings.Repeat("€", 81), 0, []int{152, 10}}, // an escape stays with its character
		{strings.Repeat("я", 70), 8, []int{140}}, {strings.Repeat("я", 71), 8, []int{134, 8}},
		{strings.Repeat("😀", 35), 8, []int{140}}, {strings.Repeat("😀", 36), 8, []int{132, 12}}, // a surrogate pair stays together
		{"", 0, []int{0}}, {"ÄÖÜäöüßèéàòì@£$", 0, []int{15}}, {"ç", 8, []int{2}}, {"\x1b", 8, []int{2}},
	} {
		coding, parts := smpp.Split(c.text)
		var sizes []int
		var all []byte
		for _, p := range parts {
			sizes = append(sizes, len(p))
			all = append(all, p...)
		}
		if coding != c.coding || !slices.Equal(sizes, c.parts) {
			t.Errorf("%.8q…: coding %d parts %v, want %d %v", c.text, coding, sizes, c.coding, c.parts)
		}
		if coding == 8 {
			var units []uint16
			for i := 0; i < len(all); i += 2 {
				units = append(units, uint16(all[i])<<8|uint16(all[i+1]))
			}
			if got := string(utf16.Decode(units)); got != c.text {
				t.Errorf("%.8q became %.8q", c.text, got)
			}
		}
	}
	if _, parts := smpp.Split(strings.Repeat("a", 2000)); parts != nil {
		t.Error("a novel was accepted")
	}
}

func TestReceiptsNameEveryFormOfTheirID(t *testing.T) {
	t.Parallel()
	s := newSMSC(t)
	c, heard := client(t, s, nil)
	if _, err := send(t, c, "x"); err != nil {
		t.Fatal(err)
	}
	state := func(v byte) []byte { return []byte{0x04, 0x27, 0, 1, v} }
	tagged := append([]byte{0x00, 0x1e, 0, 5}, "00ff\x00"...)
	for _, step := range []struct {
		esm    byte
		text   string
		tlvs   []byte
		id     string
		status message.Status
		detail string
	}{
		{4, "id:0000041394 sub:001 dlvrd:001 submit date:2611231900 done date:2611231901 stat:DELIVRD err:000 text:Open", nil, "a1b2", message.Delivered, "the network said DELIVRD"},
		{4, "id:a1b2 stat:UNDELIV err:027", nil, "41394", message.Undelivered, "the network said UNDELIV (error 027)"},
		{0, "", slices.Concat(tagged, state(2)), "ff", message.Delivered, ""}, // by its parameters alone
		{4, "garbage", slices.Concat(tagged, state(8)), "255", message.Rejected, ""},
		{4, "ID: 77 STAT:expired", nil, "77", message.Expired, "the network said EXPIRED"},
		{4, "id:9 stat:WHATEVER", nil, "9", message.Unknown, "the network said WHATEVER"},
	} {
		s.deliver(step.esm, "390212345678", step.text, step.tlvs...)
		if got := <-s.receipts; got != 0 {
			t.Fatalf("%q was answered 0x%x", step.text, got)
		}
		got := <-heard
		if !slices.Contains(got.ids, step.id) || got.r.Status != step.status || got.r.To != "390212345678" || got.r.Detail != step.detail {
			t.Errorf("%q: %+v, want %s %s %q", step.text, got, step.id, step.status, step.detail)
		}
	}
	s.deliver(0, "390212345678", "hello, I am a person id:1")
	if got := <-s.receipts; got != 0 || len(heard) != 0 {
		t.Error("an SMS of a person was taken for a receipt")
	}
	s.deliver(4, "666", "id:1 stat:DELIVRD")
	if got := <-s.receipts; got != 0x64 {
		t.Errorf("a receipt that could not be recorded was answered 0x%x", got)
	}
}

func TestRefusalsAreSorted(t *testing.T) {
	t.Parallel()
	s := newSMSC(t)
	c, _ := client(t, s, nil)
	for status, want := range map[uint32]string{0x58: "gateway", 0x14: "gateway", 0x0b: "rejected", 0x45: "again", 0x0a: "permanent", 0x400: "rejected"} {
		s.mu.Lock()
		s.status = func(int) uint32 { return status }
		s.mu.Unlock()
		_, err := send(t, c, "x")
		var f *message.Failure
		if !errors.As(err, &f) {
			t.Fatalf("0x%x: %v", status, err)
		}
		got := "again"
		switch {
		case f.Gateway:
			got = "gateway"
		case f.Status == message.Rejected:
			got = "rejected"
		case f.Permanent:
			got = "permanent"
		}
		if got != want {
			t.Errorf("0x%x: %s, want %s", status, got, want)
		}
	}
}

func TestTheLinkIsTriedAndBoundAgain(t *testing.T) {
	t.Parallel()
	s := newSMSC(t)
	c, _ := client(t, s, func(c *smpp.Config) { c.Enquire, c.Timeout = 20*time.Millisecond, 100*time.Millisecond })
	count := func(f func() int) func() int {
		return func() int { s.mu.Lock(); defer s.mu.Unlock(); return f() }
	}
	enquiries, binds := count(func() int { return s.enquiries }), count(func() int { return s.binds })
	until(t, func() bool { return enquiries() >= 2 })
	s.drop()
	until(t, func() bool { return binds() >= 2 })
	if _, err := send(t, c, "x"); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.deaf = true // a half-open connection
	s.mu.Unlock()
	until(t, func() bool { return !c.Bound() })
	_, err := c.Send(t.Context(), message.Message{To: "+39021", Content: message.Content{Text: "x"}})
	var f *message.Failure
	if !errors.As(err, &f) || !f.Gateway {
		t.Errorf("without a link: %v", err)
	}
}

func TestARefusedBindIsTold(t *testing.T) {
	t.Parallel()
	s := newSMSC(t)
	s.refuse = 0x0e
	c, _ := client(t, s, nil)
	until(t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.binds > 0 })
	if c.Bound() {
		t.Error("bound though refused")
	}
}

func FuzzReceipt(f *testing.F) {
	f.Add("id:1 stat:DELIVRD")
	f.Fuzz(func(t *testing.T, id string) {
		if forms := smpp.Forms(id); len(forms) > 3 {
			t.Error("too many forms")
		}
	})
}
