package media

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics of one pacer; they are registered only when there is a registry.
type metrics struct {
	streams prometheus.Gauge
	packets prometheus.Counter
	errors  prometheus.Counter
	refused prometheus.Counter
	late    prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) *metrics {
	f := promauto.With(r)
	return &metrics{
		streams: f.NewGauge(prometheus.GaugeOpts{
			Name: "sipward_media_streams", Help: "Streams being sent.",
		}),
		packets: f.NewCounter(prometheus.CounterOpts{
			Name: "sipward_media_packets_sent_total", Help: "RTP packets sent.",
		}),
		errors: f.NewCounter(prometheus.CounterOpts{
			Name: "sipward_media_send_errors_total", Help: "RTP packets the kernel did not take.",
		}),
		refused: f.NewCounter(prometheus.CounterOpts{
			Name: "sipward_media_packets_refused_total", Help: "Received packets that did not prove to be the phone's.",
		}),
		late: f.NewHistogram(prometheus.HistogramOpts{
			Name: "sipward_media_late_seconds", Help: "How late each 2 ms batch of packets was begun.",
			Buckets: []float64{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1},
		}),
	}
}
