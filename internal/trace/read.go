package trace

import (
	"bytes"
	"slices"
	"strings"
)

// Head is what tells whose message it is.
type Head struct {
	Start, CallID, CSeq string
	From, To            string // user parts
	User                string // of the credentials
}

// Read reads the head of a message that the server has taken or made: whole lines, folded ones never.
func Read(message []byte) (h Head) {
	for n := 0; len(message) > 0; n++ {
		line, rest, _ := bytes.Cut(message, []byte("\r\n"))
		if message = rest; len(line) == 0 {
			break
		}
		if n == 0 {
			h.Start = string(line)
			continue
		}
		name, value, _ := strings.Cut(string(line), ":")
		h.take(strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value))
	}
	return h
}

func (h *Head) take(name, value string) {
	switch name {
	case "call-id", "i":
		h.CallID = value
	case "cseq":
		h.CSeq = value
	case "from", "f":
		h.From = user(value)
	case "to", "t":
		h.To = user(value)
	case "authorization", "proxy-authorization":
		if _, after, ok := strings.Cut(value, `username="`); ok {
			h.User, _, _ = strings.Cut(after, `"`)
		}
	}
}

// user is the user part of an address; "" when it has none.
func user(address string) string {
	if i := strings.LastIndexByte(address, '<'); i >= 0 {
		address = address[i+1:]
	}
	scheme, rest, _ := strings.Cut(address, ":")
	if strings.EqualFold(scheme, "tel") {
		return rest[:end(rest, ";>")]
	}
	at := strings.IndexByte(rest, '@')
	if at < 0 {
		return ""
	}
	return rest[:end(rest[:at], ";:")]
}

// end is where the first of some characters stands, or the length.
func end(s, any string) int {
	if i := strings.IndexAny(s, any); i >= 0 {
		return i
	}
	return len(s)
}

// Request reports whether the message is a request.
func (h Head) Request() bool { return !strings.HasPrefix(h.Start, "SIP/2.0 ") }

// Party is who is on the other side of a message: of a request we received and a response we sent, it is From.
func (h Head) Party(sent bool) string {
	if h.Request() != sent {
		return h.From
	}
	return h.To
}

// About reports whether the message names one of names.
func (h Head) About(names []string) bool {
	return slices.Contains(names, h.From) || slices.Contains(names, h.To) || h.User != "" && slices.Contains(names, h.User)
}

// Own reports whether the other side is one of names.
func (h Head) Own(names []string, sent bool) bool {
	return slices.Contains(names, h.Party(sent)) || !sent && h.Request() && h.User != "" && slices.Contains(names, h.User)
}
