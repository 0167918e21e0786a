package account_test

import (
	"errors"
	"strings"
	"testing"

	"sipward/internal/account"
)

func TestParseNumber(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]account.Number{
		"+390212345678": "+390212345678", "+39 02 1234-5678": "+390212345678", " (+39) 02.12345678 ": "+390212345678",
		"10": "10", "12345678": "12345678", "00": "00", "+123456": "+123456", "+123456789012345": "+123456789012345",
		"": "", "1": "", "123456789": "", "+12345": "", "+1234567890123456": "", "+0123456": "", "++39021234567": "",
		"39+021234567": "", "12a": "", "12\n": "12", "1\x00": "", "１２３": "", "sip:10@x": "", "*10#": "", "+": "", "()": "",
	} {
		got, err := account.ParseNumber(in)
		if got != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, account.ErrNumber) {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestParseUser(t *testing.T) {
	t.Parallel()
	for in, ok := range map[string]bool{
		"1234": true, "1234567890123456": true, "00000000": true,
		"": false, "123": false, "12345678901234567": false, "12 34": false, "1234\n": false, "alice": false, "+1234": false, "１２３４": false,
	} {
		got, err := account.ParseUser(in)
		if (err == nil) != ok || ok && got != in || !ok && !errors.Is(err, account.ErrUser) {
			t.Errorf("%q: %q, %v; want ok %t", in, got, err, ok)
		}
	}
}

func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{"+39 02 1234-5678", "10", "(0)12", "+", "123456789", "1\n2", " 42 "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := account.ParseNumber(s)
		if err != nil {
			if n != "" {
				t.Fatalf("%q: a number with an error: %q", s, n)
			}
			return
		}
		if again, err := account.ParseNumber(string(n)); err != nil || again != n {
			t.Fatalf("%q: %q is not canonical: %q, %v", s, n, again, err)
		}
		if strings.Trim(string(n), "+0123456789") != "" || strings.LastIndexByte(string(n), '+') > 0 || len(n) < 2 || len(n) > 16 {
			t.Fatalf("%q: %q", s, n)
		}
	})
}
