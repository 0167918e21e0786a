package licenceproxy

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"sipward/internal/licence"
	"sipward/internal/telemetry"
)

type metrics struct {
	served   map[licence.State]prometheus.Counter // one for each of states
	fetches  *prometheus.CounterVec
	alarms   prometheus.Counter
	expiring prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	f, opts := promauto.With(r), telemetry.Opts("licence")
	m := &metrics{served: map[licence.State]prometheus.Counter{},
		fetches: f.NewCounterVec(opts("fetches_total",
			"Questions to the vendor by outcome: ok, refused, failed, timeout, busy, breaker, invalid, clock, serial."), []string{"outcome"}),
		alarms:   f.NewCounter(opts("alarms_total", "Cached documents that were not served because they do not verify.")),
		expiring: f.NewGauge(prometheus.GaugeOpts(opts("expiring", "Accounts whose cached licence ends within 14 days, or has ended."))),
	}
	served := f.NewCounterVec(opts("served_total", "Documents served to phones by state: fresh, stale, grace."), []string{"state"})
	for _, s := range states {
		m.served[s] = served.WithLabelValues(string(s))
	}
	return m
}
