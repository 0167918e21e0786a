package turn

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics of one server; they are registered only when there is a registry.
type metrics struct {
	allocations prometheus.Gauge
	ended       prometheus.Counter
	refusals    *prometheus.CounterVec

	sent, received, strange, limited prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	f := promauto.With(r)
	packets := f.NewCounterVec(prometheus.CounterOpts{
		Name: "sipward_turn_packets_total",
		Help: "Packets at relayed addresses: sent (to a peer), received (from one), strange (the other end may be no peer), limited (over the rate).",
	}, []string{"fate"})
	m := &metrics{
		allocations: f.NewGauge(prometheus.GaugeOpts{Name: "sipward_turn_allocations", Help: "TURN allocations."}),
		ended:       f.NewCounter(prometheus.CounterOpts{Name: "sipward_turn_ended_total", Help: "Allocations ended because their account went out of service."}),
		refusals: f.NewCounterVec(prometheus.CounterOpts{
			Name: "sipward_turn_refused_total",
			Help: "Requests refused: credential (wrong, or its time is over), account (not in service), quota (media.turn.per_account), peer (media.turn.allow), ports (media.turn.ports).",
		}, []string{"why"}),
		sent: packets.WithLabelValues("sent"), received: packets.WithLabelValues("received"),
		strange: packets.WithLabelValues("strange"), limited: packets.WithLabelValues("limited"),
	}
	for _, why := range []string{"credential", "account", "quota", "peer", "ports"} {
		m.refusals.WithLabelValues(why)
	}
	return m
}

func (m *metrics) refused(why string) { m.refusals.WithLabelValues(why).Inc() }
