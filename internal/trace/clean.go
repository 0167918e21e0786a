package trace

import (
	"fmt"
	"mime"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Hidden stands where something was taken out.
const Hidden = "[hidden]"

// Clean is the text of a message without what could be used or is nobody's business: what credentials prove, keys of
// media, tokens, and every body that is no session description. The length of a body that was taken out is told.
func Clean(message []byte) string {
	head, body, _ := strings.Cut(string(message), "\r\n\r\n")
	kind := ""
	lines := strings.Split(head, "\r\n")
	for i, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "content-type" || name == "c" {
			kind, _, _ = mime.ParseMediaType(strings.TrimSpace(value))
		}
		lines[i+1] = line[:len(line)-len(value)] + cleanValue(name, value)
	}
	lines[0] = cleanURIs(lines[0])
	return bounded(strings.Join(lines, "\r\n") + "\r\n\r\n" + cleanBody(kind, body))
}

// The parts that are taken out. Names stay, so that a reader sees what was there.
var (
	// What a digest proves or could be replayed with (RFC 7616), and any other scheme's credentials as a whole.
	digest = regexp.MustCompile(`(?i)\b((?:response|nonce|cnonce|nextnonce|rspauth|opaque)\s*=\s*)(?:"[^"]*"|[^",\s]+)`)
	// What a URI carries for whoever has it.
	tokens = regexp.MustCompile(`(?i)([;?&](?:flow|token|key|secret|password)=)[^;>&?\s",]+`)
	// Our own sealed user parts: dialog cookies in Route and Record-Route, flow tokens in Path, temporary GRUUs (RFC 5627).
	sealed = regexp.MustCompile(`(?i)(sips?:(?:tgruu\.)?)[a-z0-9_-]{24,}@`)
	// Passwords in URIs (RFC 3261 section 19.1.1).
	password = regexp.MustCompile(`(?i)(sips?:[^:@>;\s]+:)[^@>\s]+@`)
	// Keys of media: SDES (RFC 4568 section 9.1), MIKEY (RFC 4567), and the old k= line (RFC 4566 section 5.12).
	inline   = regexp.MustCompile(`(?im)^(a=crypto:\d+ \S+ ).*?(\r?)$`)
	mikey    = regexp.MustCompile(`(?im)^(a=key-mgmt:\S+ ).*?(\r?)$`)
	clearKey = regexp.MustCompile(`(?im)^(k=\w+:?).*?(\r?)$`)
	icePwd   = regexp.MustCompile(`(?im)^(a=ice-pwd:).*?(\r?)$`)
)

func cleanValue(name, value string) string {
	switch name {
	case "authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate", "authentication-info", "proxy-authentication-info":
		scheme, _, _ := strings.Cut(strings.TrimSpace(value), " ")
		if !strings.HasSuffix(name, "-info") && !strings.EqualFold(scheme, "digest") { // an Info has no scheme
			return " " + scheme + " " + Hidden
		}
		return digest.ReplaceAllString(value, "${1}"+Hidden)
	case "identity", "subject", "pn-prid", "x-token", "x-password":
		return " " + Hidden
	}
	return cleanURIs(value)
}

func cleanURIs(s string) string {
	s = tokens.ReplaceAllString(s, "${1}"+Hidden)
	s = sealed.ReplaceAllString(s, "${1}"+Hidden+"@")
	return password.ReplaceAllString(s, "${1}"+Hidden+"@")
}

func cleanBody(kind, body string) string {
	switch {
	case body == "":
		return ""
	case kind != "application/sdp":
		return fmt.Sprintf("[%d bytes %s]", len(body), strings.TrimSpace(kind+" hidden"))
	}
	for _, secret := range []*regexp.Regexp{inline, mikey, clearKey, icePwd} {
		body = secret.ReplaceAllString(body, "${1}"+Hidden+"${2}")
	}
	return body
}

// bounded cuts a text that is too long, and makes what is no UTF-8 visible as such.
func bounded(text string) string {
	if len(text) > LongestMessage {
		text = fmt.Sprintf("%s\r\n[%d bytes more]", strings.ToValidUTF8(text[:LongestMessage], ""), len(text)-LongestMessage)
	}
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	return text
}
