package outbox

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"sipward/internal/telemetry"
)

// watchEvery is how often the backlog is measured.
const watchEvery = 15 * time.Second

// metrics are the figures an operator sets alarms on.
type metrics struct {
	steps   *prometheus.CounterVec // messages by channel and the status they have come to
	held    *prometheus.CounterVec // messages that a limit held back
	waiting *prometheus.GaugeVec   // messages that wait, by channel
	late    *prometheus.GaugeVec   // seconds since the oldest of them was due
}

func newMetrics(r prometheus.Registerer) metrics {
	f, opts := promauto.With(r), telemetry.Opts("outbox")
	return metrics{
		steps:   f.NewCounterVec(opts("messages_total", "Messages by channel and the status they have come to."), []string{"channel", "status"}),
		held:    f.NewCounterVec(opts("held_back_total", "Messages that a limit held back: recipient, prefix or daily."), []string{"limit"}),
		waiting: f.NewGaugeVec(prometheus.GaugeOpts(opts("waiting", "Messages that wait, in the whole cluster.")), []string{"channel"}),
		late:    f.NewGaugeVec(prometheus.GaugeOpts(opts("late_seconds", "How long the oldest waiting message has been due.")), []string{"channel"}),
	}
}

// watch measures the backlog until ctx ends.
func (o *Outbox) watch(ctx context.Context) {
	for {
		for channel := range o.Senders {
			n, oldest, err := o.Store.Backlog(ctx, channel)
			if err != nil {
				continue // the store's own figures tell that it is away
			}
			late := 0.0
			if n > 0 {
				late = max(0, o.Now().Sub(oldest).Seconds())
			}
			o.metrics.waiting.WithLabelValues(string(channel)).Set(float64(n))
			o.metrics.late.WithLabelValues(string(channel)).Set(late)
		}
		if !sleep(ctx, nil, watchEvery) {
			return
		}
	}
}
