package tx

import (
	"log/slog"
	"runtime/debug"
)

// guard is deferred around each callback: a panic is counted, logged once a second per place, and then mend runs.
func (t *Table) guard(in string, mend func()) {
	r := recover()
	if r == nil {
		return
	}
	t.m.panics.WithLabelValues(in).Inc()
	t.lines.Log(t.life, t.log, slog.LevelError, "panic "+in, "tx: recovered from a panic",
		slog.String("in", in), slog.Any("panic", r), slog.String("stack", string(debug.Stack())))
	if mend != nil {
		mend()
	}
}

// ring wakes the owner of an alarm.
func (t *Table) ring(a *alarm, now int64) {
	defer t.guard("alarm", nil)
	a.who.ring(now)
}
