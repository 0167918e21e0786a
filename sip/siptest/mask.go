package siptest

import (
	"fmt"
	"regexp"
	"strings"
)

// masker replaces what differs between runs by numbered words, the same word for the same value.
type masker struct {
	words map[string]string // kind and value → word
	count map[string]int
	rules []rule
}

// rule masks the group named v of each match.
type rule struct {
	kind string
	re   *regexp.Regexp
}

func newMasker() *masker {
	return &masker{words: map[string]string{}, count: map[string]int{}, rules: []rule{
		{"branch", regexp.MustCompile(`branch=(?P<v>[^;\s,]+)`)},
		{"tag", regexp.MustCompile(`;tag=(?P<v>[^;\s,]+)`)},
		{"call", regexp.MustCompile(`(?mi)^(?:Call-ID|i)[ \t]*:[ \t]*(?P<v>\S+)`)},
		{"nonce", regexp.MustCompile(`[ ,]nonce="(?P<v>[^"]*)"`)},
		{"cnonce", regexp.MustCompile(`cnonce="(?P<v>[^"]*)"`)},
		{"response", regexp.MustCompile(`response="(?P<v>[^"]*)"`)},
		{"opaque", regexp.MustCompile(`opaque="(?P<v>[^"]*)"`)},
		{"gruu", regexp.MustCompile(`tgruu\.(?P<v>[^@]+)@`)},
		{"uuid", regexp.MustCompile(`urn:uuid:(?P<v>[0-9a-fA-F-]+)`)},
		{"cookie", regexp.MustCompile(`(?m)^(?:Record-Route|Route|Path|Service-Route):.*?sips?:(?P<v>[^@>;]+)@`)},
		{"cookie", regexp.MustCompile(`(?m)^[A-Z]+ sips?:(?P<v>[^@>; ]+)@\S+;lr SIP/2\.0`)}, // of a strict router
		{"time", regexp.MustCompile(`(?m)^(?:Date|Timestamp):[ \t]*(?P<v>[^\r\n]+)`)},
		{"seconds", regexp.MustCompile(`(?m)^Retry-After:[ \t]*(?P<v>\d+)`)},
		{"version", regexp.MustCompile(`(?m)^o=(?P<v>\S+ \d+ \d+) `)},
		{"key", regexp.MustCompile(`inline:(?P<v>[A-Za-z0-9+/=]+)`)},
		{"rtp", regexp.MustCompile(`(?m)^m=audio (?P<v>[1-9]\d{3,4}) `)},
		{"rtcp", regexp.MustCompile(`(?m)^a=rtcp:(?P<v>\d+)`)},
		{"port", regexp.MustCompile(`(?:127\.0\.0\.1|\[::1\]|localhost):(?P<v>\d+)`)},
		{"port", regexp.MustCompile(`;rport=(?P<v>\d+)`)},
		{"length", regexp.MustCompile(`(?mi)^(?:Content-Length|l):[ \t]*(?P<v>[1-9]\d*)`)}, // follows the lengths of what is masked
	}}
}

func (m *masker) mask(s string) string {
	for _, r := range m.rules {
		s = m.apply(r, s)
	}
	return s
}

func (m *masker) apply(r rule, s string) string {
	group := r.re.SubexpIndex("v")
	var b strings.Builder
	last := 0
	for _, at := range r.re.FindAllStringSubmatchIndex(s, -1) {
		from, to := at[2*group], at[2*group+1]
		b.WriteString(s[last:from] + m.word(r.kind, s[from:to]))
		last = to
	}
	return b.String() + s[last:]
}

func (m *masker) word(kind, value string) string {
	if kind == "length" || kind == "time" || kind == "seconds" { // whether two are equal is chance
		return "<" + kind + ">"
	}
	if w := m.words[kind+" "+value]; w != "" {
		return w
	}
	m.count[kind]++
	w := fmt.Sprintf("<%s %d>", kind, m.count[kind])
	m.words[kind+" "+value] = w
	return w
}
