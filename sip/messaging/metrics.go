package messaging

import "github.com/prometheus/client_golang/prometheus"

// metrics of the courier.
type metrics struct {
	finished *prometheus.CounterVec
	attempts *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) metrics {
	m := metrics{
		finished: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sipward_secure_messages_total", Help: "Secure messages that have got a final status on this node, by status."}, []string{"status"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sipward_secure_message_attempts_total", Help: "Tries to deliver a secure message: confirmed, refused, or silence."}, []string{"outcome"}),
	}
	if r != nil {
		r.MustRegister(m.finished, m.attempts)
	}
	return m
}
