package store

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"sipward/internal/telemetry"
)

// metrics count what an operator must see of the store.
type metrics struct {
	alarms    *prometheus.CounterVec // misfit, lost_claim, emptied
	hits      prometheus.Counter
	misses    prometheus.Counter
	conflicts prometheus.Counter
	deferred  prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	f, opts := promauto.With(r), telemetry.Opts("store")
	return &metrics{
		alarms:    f.NewCounterVec(opts("alarms_total", "Records that were not what they should be, by kind: misfit, lost_claim, emptied."), []string{"kind"}),
		hits:      f.NewCounter(opts("cache_hits_total", "Accounts answered from the node's cache.")),
		misses:    f.NewCounter(opts("cache_misses_total", "Accounts that had to be read from the store.")),
		conflicts: f.NewCounter(opts("conflicts_total", "Compare-and-swap updates that had to run again.")),
		deferred:  f.NewGauge(prometheus.GaugeOpts(opts("deferred_locations", "Locations kept in memory until the store takes writes again."))),
	}
}
