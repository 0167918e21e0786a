package tx

import (
	"log/slog"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"sipward/internal/telemetry"
)

// metrics of the table; their label values are words of this package.
type metrics struct {
	shed     *prometheus.CounterVec
	panics   *prometheus.CounterVec
	timeouts *prometheus.CounterVec
	repeats  *prometheus.CounterVec
	dropped  *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer, t *Table) *metrics {
	f := promauto.With(r)
	opts := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: telemetry.Namespace, Subsystem: "tx", Name: name, Help: help}
	}
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: telemetry.Namespace, Subsystem: "tx", Name: "live", Help: "Transactions that wait for a final answer.",
	}, func() float64 { return float64(t.Live()) })
	return &metrics{
		shed:     f.NewCounterVec(opts("shed_total", "Requests answered 503: other, register, invite, refresh, dialog; flow, drain."), []string{"why"}),
		panics:   f.NewCounterVec(opts("panics_total", "Panics recovered: in request, cancel, ack, stray, closed, response, alarm, receive."), []string{"in"}),
		timeouts: f.NewCounterVec(opts("timeouts_total", "Transactions without a final answer in time: client, server."), []string{"side"}),
		repeats:  f.NewCounterVec(opts("repeats_total", "Messages sent again or received again: sent, received."), []string{"way"}),
		dropped:  f.NewCounterVec(opts("dropped_total", "Messages dropped: key, flow, late."), []string{"why"}),
	}
}

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
