package transport

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"sipward/internal/telemetry"
)

// metrics of the layer. Label values: network udp tcp tls ws wss; reason rate ban junk overflow; kind malformed size version.
type metrics struct {
	in, out, opened, ended map[Network]prometheus.Counter
	dropped, refusals      *prometheus.CounterVec

	drops                                                  map[string]prometheus.Counter
	panics, bans, pings, delayed, sendErrors, accepts, hsk prometheus.Counter
	evicted, rejected                                      prometheus.Counter
	connections                                            *prometheus.GaugeVec
	open                                                   map[Network]prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f, opts := promauto.With(reg), telemetry.Opts("transport")
	vec := func(name, help, label string) *prometheus.CounterVec {
		return f.NewCounterVec(opts(name, help), []string{label})
	}
	one := func(name, help string) prometheus.Counter { return f.NewCounter(opts(name, help)) }
	m := &metrics{
		dropped:    vec("dropped_total", "Packets dropped before parsing, by reason: rate, ban, junk, late, overflow.", "reason"),
		refusals:   vec("refused_total", "Malformed messages, by kind: malformed, size, version.", "kind"),
		panics:     one("panics_total", "Panics recovered."),
		bans:       one("bans_total", "Temporary bans begun."),
		pings:      one("pings_total", "Keep-alives answered (CRLF, STUN, WebSocket)."),
		delayed:    one("delayed_total", "Waits of a stream for its source's rate."),
		sendErrors: one("send_errors_total", "Messages that could not be sent."),
		accepts:    one("accept_errors_total", "Failed accepts and socket reads, retried."),
		hsk:        one("handshake_errors_total", "TLS handshakes and WebSocket upgrades that failed."),
		evicted:    one("handshakes_evicted_total", "Connections cut off before or in their handshake because others waited."),
		rejected:   one("connections_rejected_total", "Connections closed at once: limit of the address or of all, or ban."),
		in:         map[Network]prometheus.Counter{}, out: map[Network]prometheus.Counter{},
		opened: map[Network]prometheus.Counter{}, ended: map[Network]prometheus.Counter{},
		open: map[Network]prometheus.Gauge{}, drops: map[string]prometheus.Counter{},
	}
	m.connections = f.NewGaugeVec(prometheus.GaugeOpts(opts("connections", "Open connections.")), []string{"network"})
	in, out := vec("received_total", "Messages received and passed on.", "network"), vec("sent_total", "Messages sent.", "network")
	opened, ended := vec("opened_total", "Connections opened.", "network"), vec("closed_total", "Connections closed.", "network")
	for _, n := range [...]Network{UDP, TCP, TLS, WS, WSS} {
		m.in[n], m.out[n] = in.WithLabelValues(string(n)), out.WithLabelValues(string(n))
		m.opened[n], m.ended[n] = opened.WithLabelValues(string(n)), ended.WithLabelValues(string(n))
		m.open[n] = m.connections.WithLabelValues(string(n))
	}
	for _, r := range [...]string{"rate", "ban", "junk", "overflow", "late"} {
		m.drops[r] = m.dropped.WithLabelValues(r)
	}
	return m
}

func (m *metrics) received(n Network) { m.in[n].Inc() }
func (m *metrics) sent(n Network)     { m.out[n].Inc() }
func (m *metrics) drop(reason string) { m.drops[reason].Inc() }

func (m *metrics) refused(kind string) { m.refusals.WithLabelValues(kind).Inc() }

func (m *metrics) openedOne(n Network) {
	m.opened[n].Inc()
	m.open[n].Inc()
}

func (m *metrics) closed(n Network) {
	m.ended[n].Inc()
	m.open[n].Dec()
}
