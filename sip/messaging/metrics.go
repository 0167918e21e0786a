package messaging

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics of the courier.
type metrics struct {
	finished *prometheus.CounterVec
	attempts *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) metrics {
	f := promauto.With(r)
	return metrics{
		finished: f.NewCounterVec(prometheus.CounterOpts{Name: "sipward_secure_messages_total", Help: "Secure messages that have got a final status on this node, by status."}, []string{"status"}),
		attempts: f.NewCounterVec(prometheus.CounterOpts{Name: "sipward_secure_message_attempts_total", Help: "Tries to deliver a secure message: confirmed, refused, or silence."}, []string{"outcome"}),
	}
}
