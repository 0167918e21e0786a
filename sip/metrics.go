package sip

import (
	"runtime/debug"
	"strconv"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"sipward/internal/call"
)

// metrics of the node; labels are bounded: known methods, status classes, the six dispositions.
type metrics struct {
	requests *prometheus.CounterVec
	refresh  prometheus.Counter // of them, the commonest: 200 to a REGISTER
	calls    *prometheus.CounterVec
	panics   prometheus.Counter
	limited  prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	f := promauto.With(r)
	m := &metrics{
		requests: f.NewCounterVec(prometheus.CounterOpts{Name: "sipward_sip_requests_total", Help: "Requests answered by the server itself, by method and status class (1xx to 6xx)."}, []string{"method", "class"}),
		calls:    f.NewCounterVec(prometheus.CounterOpts{Name: "sipward_calls_total", Help: "Calls ended, by disposition (ANSWERED, NO_ANSWER, BUSY, FAILED, CANCELLED, ANNOUNCED)."}, []string{"disposition"}),
		panics:   f.NewCounter(prometheus.CounterOpts{Name: "sipward_sip_panics_total", Help: "Handlers that panicked; each is a bug."}),
		limited:  f.NewCounter(prometheus.CounterOpts{Name: "sipward_calls_limited_total", Help: "Calls refused because their caller was over a limit of its account: parallel calls, calls a minute, destinations."}),
	}
	m.refresh = m.requests.WithLabelValues(string(gosip.REGISTER), "2xx")
	return m
}

// watch exports what the node counts anyway.
func (s *Server) watch() {
	made := promauto.With(s.deps.Metrics)
	gauge := func(name, help string, f func() int) {
		made.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(f()) })
	}
	gauge("sipward_calls_active", "Calls that are up on this node.", s.dialogs.Len)
	gauge("sipward_announcements_active", "Clips that play on this node.", s.announcer.Len)
	gauge("sipward_forks_active", "Requests that wait for the answers of phones.", s.proxy.Len)
	gauge("sipward_transactions_active", "Transactions without a final answer.", s.table.Live)
}

func (m *metrics) request(req *gosip.Request, code int) {
	m.requests.WithLabelValues(known(req.Method), strconv.Itoa(code/100)+"xx").Inc()
}

func (m *metrics) call(r call.Record) { m.calls.WithLabelValues(string(r.Disposition)).Inc() }

// known keeps a stranger from making labels.
func known(m gosip.RequestMethod) string {
	switch m {
	case gosip.REGISTER, gosip.INVITE, gosip.BYE, gosip.MESSAGE, gosip.OPTIONS, gosip.SUBSCRIBE, gosip.NOTIFY, gosip.REFER, gosip.INFO, gosip.PRACK, gosip.UPDATE, gosip.PUBLISH:
		return string(m)
	}
	return "other"
}

func stack() string { return string(debug.Stack()) }
