package store

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count what an operator must see of the store.
type metrics struct {
	alarms    *prometheus.CounterVec // misfit, lost_claim, emptied
	hits      prometheus.Counter
	misses    prometheus.Counter
	conflicts prometheus.Counter
	deferred  prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		alarms: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sipward_store_alarms_total",
			Help: "Records that were not what they should be, by kind: misfit, lost_claim, emptied."}, []string{"kind"}),
		hits: prometheus.NewCounter(prometheus.CounterOpts{Name: "sipward_store_cache_hits_total",
			Help: "Accounts answered from the node's cache."}),
		misses: prometheus.NewCounter(prometheus.CounterOpts{Name: "sipward_store_cache_misses_total",
			Help: "Accounts that had to be read from the store."}),
		conflicts: prometheus.NewCounter(prometheus.CounterOpts{Name: "sipward_store_conflicts_total",
			Help: "Compare-and-swap updates that had to run again."}),
		deferred: prometheus.NewGauge(prometheus.GaugeOpts{Name: "sipward_store_deferred_locations",
			Help: "Locations kept in memory until the store takes writes again."}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.alarms, m.hits, m.misses, m.conflicts, m.deferred} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("store metrics: %w", err)
		}
	}
	return m, nil
}
