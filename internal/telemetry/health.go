package telemetry

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"
)

// probeTimeout bounds one readiness probe: a dead back-end must not hold the load balancer's question.
const probeTimeout = time.Second

// Probe is one thing that must work for the node to be ready.
type Probe struct {
	Name  string
	Check func(context.Context) error
}

// Health answers /livez and /readyz. A node is ready while it is serving (between the last listener's bind and the
// begin of the drain) and all probes succeed.
type Health struct {
	probes  []Probe     // static after construction
	serving atomic.Bool // set by the one who starts and stops the node
}

// NewHealth returns a Health that is not serving yet.
func NewHealth(probes ...Probe) *Health { return &Health{probes: probes} }

// Serving says whether the node takes work.
func (h *Health) Serving(yes bool) { h.serving.Store(yes) }

// healthBody is what both addresses answer; the cause of a failing probe goes to the log, not to strangers.
type healthBody struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks,omitempty"`
}

// Livez answers 200 as long as the process can answer at all.
func (h *Health) Livez(w http.ResponseWriter, _ *http.Request) {
	writeHealth(w, http.StatusOK, healthBody{Status: "alive"})
}

// Readyz answers 200 when the node should be sent work, else 503 with the name of what fails.
func (h *Health) Readyz(w http.ResponseWriter, r *http.Request) {
	body, code := healthBody{Status: "ready", Checks: map[string]string{}}, http.StatusOK
	for _, p := range h.probes {
		body.Checks[p.Name] = "ok"
		if err := probe(r.Context(), p); err != nil {
			body.Checks[p.Name] = "failing"
			body.Status, code = "not ready", http.StatusServiceUnavailable
		}
	}
	if !h.serving.Load() {
		body.Status, code = "not serving", http.StatusServiceUnavailable
	}
	writeHealth(w, code, body)
}

func probe(ctx context.Context, p Probe) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return p.Check(ctx)
}

func writeHealth(w http.ResponseWriter, code int, body healthBody) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // the asker has gone: nothing to do
}
