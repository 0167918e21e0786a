package telemetry

import (
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Namespace begins the name of every metric of ours.
const Namespace = "sipward"

// NewRegistry returns a registry with the process's own figures and sipward_build_info.
func NewRegistry(version string) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	promauto.With(r).NewGauge(prometheus.GaugeOpts{
		Namespace: Namespace, Name: "build_info", Help: "1; the labels tell what is running.",
		ConstLabels: prometheus.Labels{"version": version, "go_version": runtime.Version()},
	}).Set(1)
	return r
}

// Opts names the metrics of one subsystem; what it returns converts to the options of a gauge.
func Opts(subsystem string) func(name, help string) prometheus.CounterOpts {
	return func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: Namespace, Subsystem: subsystem, Name: name, Help: help}
	}
}

// MetricsHandler serves a registry to Prometheus.
func MetricsHandler(g prometheus.Gatherer) http.Handler {
	return promhttp.HandlerFor(g, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// Latency is the bucket boundaries, in seconds, of every duration we measure: from half a millisecond to ten seconds.
func Latency() []float64 {
	return []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
}
