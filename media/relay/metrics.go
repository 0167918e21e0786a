package relay

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics of one relay; they are registered only when there is a registry.
type metrics struct {
	calls     prometheus.Gauge
	packets   *prometheus.CounterVec
	forwarded prometheus.Counter
	refused   prometheus.Counter
	limited   prometheus.Counter
	nowhere   prometheus.Counter
	failed    prometheus.Counter
	found     prometheus.Counter
	exhausted prometheus.Counter
	tooMany   prometheus.Counter
	silent    prometheus.Counter
	mos       prometheus.Histogram
	loss      prometheus.Histogram
	jitter    prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) *metrics {
	f := promauto.With(r)
	counter := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Name: "sipward_relay_" + name, Help: help})
	}
	m := &metrics{
		calls: f.NewGauge(prometheus.GaugeOpts{Name: "sipward_relay_calls", Help: "Calls whose media is relayed."}),
		packets: f.NewCounterVec(prometheus.CounterOpts{
			Name: "sipward_relay_packets_total",
			Help: "Packets at relayed ports: forwarded, refused (did not prove to be the phone's), limited (over the rate), nowhere (the other phone is not found yet, or on hold), failed (the kernel did not take it).",
		}, []string{"fate"}),
		found:     counter("sources_total", "Sources that proved to be a phone: one for each path of a call, and more when phones move."),
		exhausted: counter("ports_exhausted_total", "Calls and lines refused for want of ports: widen media.ports."),
		tooMany:   counter("account_limit_total", "Calls and lines refused because their account has as many lines relayed as it may: limits.relayed_lines_per_account."),
		silent:    counter("calls_silent_total", "Calls given up because neither phone sent anything."),
		mos: f.NewHistogram(prometheus.HistogramOpts{
			Name: "sipward_relay_mos", Help: "Estimated quality of the sound of one side, by call.", Buckets: []float64{1.5, 2, 2.5, 3, 3.5, 3.8, 4, 4.2, 4.4},
		}),
		loss: f.NewHistogram(prometheus.HistogramOpts{
			Name: "sipward_relay_loss_ratio", Help: "Packets of one side that were lost on the way to us, by call.", Buckets: []float64{0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5},
		}),
		jitter: f.NewHistogram(prometheus.HistogramOpts{
			Name: "sipward_relay_jitter_seconds", Help: "Interarrival jitter of the sound of one side, by call.", Buckets: []float64{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2},
		}),
	}
	m.forwarded, m.refused, m.limited = m.packets.WithLabelValues("forwarded"), m.packets.WithLabelValues("refused"), m.packets.WithLabelValues("limited")
	m.nowhere, m.failed = m.packets.WithLabelValues("nowhere"), m.packets.WithLabelValues("failed")
	return m
}

// ended counts what a call was like.
func (m *metrics) ended(r Report) {
	for _, h := range []Heard{r.Caller, r.Callee} {
		if h.Packets == 0 {
			continue
		}
		m.mos.Observe(h.MOS)
		m.loss.Observe(float64(h.Lost) / float64(h.Lost+h.Packets))
		m.jitter.Observe(h.Jitter / 1000)
	}
}
