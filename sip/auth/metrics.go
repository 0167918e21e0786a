package auth

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics counts requests by what their credentials were worth.
type metrics struct {
	ok, missing, stale, replay, wrong, throttled, malformed, unavailable prometheus.Counter
}

func newMetrics(r prometheus.Registerer) metrics {
	total := promauto.With(r).NewCounterVec(prometheus.CounterOpts{
		Name: "sipward_auth_total",
		Help: "Requests by the outcome of their authentication: ok, missing, stale, replay, wrong, throttled, malformed, unavailable.",
	}, []string{"outcome"})
	c := func(outcome string) prometheus.Counter { return total.WithLabelValues(outcome) }
	return metrics{
		ok: c("ok"), missing: c("missing"), stale: c("stale"), replay: c("replay"), wrong: c("wrong"),
		throttled: c("throttled"), malformed: c("malformed"), unavailable: c("unavailable"),
	}
}
