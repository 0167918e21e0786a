package syslog

import (
	"fmt"
	"strings"
	"time"
)

// Event is one thing that a collector is told.
type Event struct {
	At       time.Time
	ID       string // of the kind of event: audit.done, signin.FAILURE
	Name     string // one line for people
	Severity int    // 0 to 10, as CEF has it
	Fields   []Field
}

// Field is one member of CEF's extension; one without a value is left out.
type Field struct{ Name, Value string }

// facility is "security/authorization" without privacy, RFC 5424 table 1.
const facility = 10

// level is the severity of syslog for one of CEF.
func (e Event) level() int {
	switch {
	case e.Severity >= 9:
		return 2 // critical
	case e.Severity >= 7:
		return 3 // error
	case e.Severity >= 4:
		return 4 // warning
	}
	return 6 // informational
}

// The characters that CEF escapes in its header and in its extension; a line end would end a syslog message for many.
var (
	inHeader = strings.NewReplacer(`\`, `\\`, `|`, `\|`, "\r", " ", "\n", " ")
	inValue  = strings.NewReplacer(`\`, `\\`, `=`, `\=`, "\r", `\r`, "\n", `\n`)
)

// cef is the event in CEF version 0.
func (e Event) cef(version string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CEF:0|sipward|sipward|%s|%s|%s|%d|rt=%d", inHeader.Replace(version), inHeader.Replace(e.ID), inHeader.Replace(e.Name), e.Severity, e.At.UnixMilli())
	for _, f := range e.Fields {
		if f.Value != "" {
			b.WriteString(" " + f.Name + "=" + inValue.Replace(f.Value))
		}
	}
	return b.String()
}

// message is a syslog message of RFC 5424 section 6, with the BOM that says UTF-8 (section 6.4).
func (e Event) message(host, version string) string {
	stamp := e.At.UTC().Format("2006-01-02T15:04:05.000000Z07:00")
	return fmt.Sprintf("<%d>1 %s %s sipward - %s - \ufeff%s", facility*8+e.level(), stamp, word(host, 255), word(e.ID, 32), e.cef(version))
}

// word is a field of the header: printable ASCII without blanks, never empty.
func word(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), most)]
}
