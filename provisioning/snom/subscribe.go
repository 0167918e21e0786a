package snom

import (
	"fmt"
	"regexp"
	"strings"

	"sipward/internal/device"
)

// subscribe is what we understand of the question.
type subscribe struct {
	mac            device.MAC
	model, version string
	port           uint16
	uri            string // of the Contact
	via            []string
	from, to, id   string
	cseq           string
	tag            string
}

var (
	reAsked   = regexp.MustCompile(`(?i)^SUBSCRIBE sip:MAC(?:%3a|:)([0-9a-f]{12})@[^ ]+ SIP/2\.0$`)
	reContact = regexp.MustCompile(`(?i)^[^<]*?<?(sips?:[^<>\s;?]+?(?::([0-9]{1,5}))?)(?:[;?>].*)?$`)
	reModel   = regexp.MustCompile(`(?i)\bmodel="([a-z0-9._-]{1,32})"`)
	reVersion = regexp.MustCompile(`(?i)\bversion="([0-9a-z._-]{1,32})"`)
)

// parseSubscribe reads a question (RFC 3261 section 7, as far as it is needed); ok is false for anything else.
func parseSubscribe(packet string) (q subscribe, ok bool) {
	head, _, _ := strings.Cut(packet, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	m := reAsked.FindStringSubmatch(lines[0])
	if m == nil || len(lines) > 64 || strings.ContainsRune(packet, 0) {
		return q, false
	}
	q.mac, _ = device.ParseMAC(m[1])
	q.port, q.tag = 5060, strings.ToLower(newToken()[:12])
	var event, contact string
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		if strings.ContainsAny(line, "\r\n") {
			return q, false // half a line end could make two headers of one in our answer
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "via", "v":
			q.via = append(q.via, value) // old phones send no branch; it goes back as it came
		case "from", "f":
			q.from = value
		case "to", "t":
			q.to = value
		case "call-id", "i":
			q.id = value
		case "cseq":
			q.cseq = value
		case "event", "o":
			event = value
		case "contact", "m":
			contact = value
		}
	}
	if c := reContact.FindStringSubmatch(contact); c != nil {
		q.uri = c[1]
		var port int
		if _, err := fmt.Sscanf(c[2], "%d", &port); err == nil && port > 0 && port < 1<<16 {
			q.port = uint16(port)
		}
	}
	if v := reModel.FindStringSubmatch(event); v != nil {
		q.model = v[1]
	}
	if v := reVersion.FindStringSubmatch(event); v != nil {
		q.version = v[1]
	}
	asked := strings.HasPrefix(strings.ToLower(event), "ua-profile")
	return q, asked && q.mac != "" && q.uri != "" && len(q.via) > 0 && q.from != "" && q.to != "" && q.id != "" && q.cseq != ""
}

// accept is the 200 to the question.
func (q subscribe) accept() string {
	var b strings.Builder
	b.WriteString("SIP/2.0 200 OK\r\n")
	for _, v := range q.via {
		fmt.Fprintf(&b, "Via: %s\r\n", v)
	}
	fmt.Fprintf(&b, "From: %s\r\nTo: %s;tag=%s\r\nCall-ID: %s\r\nCSeq: %s\r\nExpires: 0\r\nContent-Length: 0\r\n\r\n", q.from, q.to, q.tag, q.id, q.cseq)
	return b.String()
}

// notify carries the address; From and To are those of the question, swapped.
func (q subscribe) notify(where, local string) string {
	return fmt.Sprintf("NOTIFY %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s;rport\r\nMax-Forwards: 20\r\nFrom: %s;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\n"+
		"CSeq: 1 NOTIFY\r\nContact: <sip:%s>\r\nEvent: ua-profile\r\nSubscription-State: terminated;reason=timeout\r\n"+
		"Content-Type: application/url\r\nContent-Length: %d\r\n\r\n%s",
		q.uri, local, q.tag, q.to, q.tag, q.from, q.id, local, len(where), where)
}
