package telemetry

import (
	"log/slog"
	"regexp"
	"strings"
)

// number is what may be dialled: nothing else in a log line is masked.
var number = regexp.MustCompile(`^\+?[0-9]{2,15}$`)

// MaskNumber hides the last digits of a number; what is none stays as it is.
func MaskNumber(s string, digits int) string {
	if digits <= 0 || !number.MatchString(s) {
		return s
	}
	shown := max(len(s)-digits, strings.Count(s, "+"))
	return s[:shown] + strings.Repeat("x", len(s)-shown)
}

// masked hides the last digits of numbers in log lines.
func masked(digits int) func([]string, slog.Attr) slog.Attr {
	return func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case "from", "to", "number":
			if s := a.Value.String(); number.MatchString(s) {
				a.Value = slog.StringValue(MaskNumber(s, digits))
			}
		}
		return a
	}
}
