package tx

import (
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

func newMetrics(r prometheus.Registerer) *metrics {
	f, opts := promauto.With(r), telemetry.Opts("tx")
	return &metrics{
		shed:     f.NewCounterVec(opts("shed_total", "Requests answered 503: other, register, invite, refresh, dialog; flow, drain."), []string{"why"}),
		panics:   f.NewCounterVec(opts("panics_total", "Panics recovered: in request, cancel, ack, stray, closed, response, alarm, receive."), []string{"in"}),
		timeouts: f.NewCounterVec(opts("timeouts_total", "Transactions without a final answer in time: client, server."), []string{"side"}),
		repeats:  f.NewCounterVec(opts("repeats_total", "Messages sent again or received again: sent, received."), []string{"way"}),
		dropped:  f.NewCounterVec(opts("dropped_total", "Messages dropped: key, flow, late."), []string{"why"}),
	}
}
