package phone_test

import (
	"bytes"
	"slices"
	"testing"

	"sipward/sip/phone"
)

func TestList(t *testing.T) {
	t.Parallel()
	got := phone.List([]string{`"Last, First" <sip:a@b;x="1,2">;tag=1, <sip:c,d@e>`, `sip:f@g`, ``})
	want := []string{`"Last, First" <sip:a@b;x="1,2">;tag=1`, `<sip:c,d@e>`, `sip:f@g`}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAddressAndParameter(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][2]string{
		`"<x>" <sip:a@b;tag=no>;tag=yes`:           {"sip:a@b;tag=no", "yes"},
		`sip:a@b;tag=yes`:                          {"sip:a@b", "yes"}, // without brackets it is the header's (RFC 3261 section 20)
		`<sip:a@b>`:                                {"sip:a@b", ""},
		`<sip:a@b>; Tag = "q" ;x`:                  {"sip:a@b", "q"},
		`<sip:a@b>;i="<u;v>";g="s:a;tag=no";tag=z`: {"sip:a@b", "z"},
	} {
		tag, _ := phone.Parameter(in, "tag")
		if got := [2]string{phone.Address(in), tag}; got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

// FuzzCut: however a stream is chopped up, the same messages come out of it.
func FuzzCut(f *testing.F) {
	f.Add([]byte("OPTIONS sip:a SIP/2.0\r\nContent-Length: 2\r\n\r\nhi\r\n\r\nSIP/2.0 200 OK\r\nl:0\r\n\r\n"), 3)
	f.Add([]byte("X\r\nContent-Length: -1\r\n\r\n"), 1)
	f.Fuzz(func(t *testing.T, stream []byte, chunk int) {
		if chunk < 1 || chunk > len(stream) {
			chunk = 1
		}
		whole, chopped := messages(stream, len(stream)+1), messages(stream, chunk)
		if !slices.EqualFunc(whole, chopped, bytes.Equal) {
			t.Errorf("whole: %q, chopped: %q", whole, chopped)
		}
	})
}

func messages(stream []byte, chunk int) (out [][]byte) {
	var held []byte
	for len(stream) > 0 {
		n := min(chunk, len(stream))
		held, stream = append(held, stream[:n]...), stream[n:]
		for {
			msg, rest, err := phone.Cut(held)
			if err != nil {
				return out
			}
			if held = rest; msg == nil {
				break
			}
			out = append(out, msg)
		}
	}
	return out
}

// FuzzText: no header value makes the readers of header values fail.
func FuzzText(f *testing.F) {
	f.Add(`"a\"b" <sip:x@y;z>;tag=1,<sip:c>`)
	f.Fuzz(func(_ *testing.T, s string) {
		for _, v := range phone.List([]string{s, s}) {
			phone.Address(v)
			phone.Parameter(v, "tag")
		}
	})
}
