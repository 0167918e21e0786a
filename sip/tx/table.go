package tx

import (
	"bytes"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"

	"sipward/internal/telemetry"
	"sipward/sip/transport"
)

// User is the transaction user: the proxy core. No method may block.
type User interface {
	// Request brings a new request other than ACK and CANCEL, in the flow's order.
	Request(s *Server)
	// Cancel brings a CANCEL that matched an INVITE without a final answer; it has been answered with 200 already. The
	// user ends its branches and answers the INVITE with what they say, or 487. It comes once per INVITE.
	Cancel(invite *Server, cancel *gosip.Request)
	// Ack brings an ACK that no INVITE transaction absorbed: the ACK of a 2xx.
	Ack(f *transport.Flow, ack *gosip.Request)
	// Stray brings a response that no client transaction awaits: forwarded statelessly when it is a 2xx of an INVITE
	// (RFC 3261 section 16.7 step 1, RFC 6026), else dropped.
	Stray(f *transport.Flow, res *gosip.Response)
	// Closed tells that a stream flow, or any flow of another node, is gone; its client transactions have failed already.
	Closed(f *transport.Flow, err error)
}

// Config of the table.
type Config struct {
	Max     int // live transactions, eight answered ones counting as one; 0: from GOMEMLIMIT or the machine's memory, 10 KiB each, a quarter of it
	PerFlow int // requests in flight on one stream flow; 0: 32
}

// Deps of the table.
type Deps struct {
	Log     *slog.Logger
	Metrics prometheus.Registerer
	// Exempt tells the flows that Config.PerFlow does not bind: links to other nodes, trusted gateways. nil: none.
	Exempt func(*transport.Flow) bool
}

// defaultPerFlow is how many requests may be in flight on a connection.
const defaultPerFlow = 32

// shards is how many parts the table has; a power of two.
const shards = 64

// Table demultiplexes messages to transactions; it is the transport's Handler.
type Table struct {
	// static after construction
	user    User
	log     *slog.Logger
	lines   *telemetry.Limiter
	m       *metrics
	exempt  func(*transport.Flow) bool
	keys    keyer
	peers   *peers
	shards  [shards]*shard
	start   time.Time
	life    *life // ends with Close
	max     int
	flowMax int
	budget  int // bytes of answers held, per shard

	buffers  sync.Pool    // *bytes.Buffer
	held     atomic.Int64 // what Config.Max bounds, in parts of which a live transaction is whole
	waiting  atomic.Int64 // those without a final answer
	draining atomic.Bool
	closed   atomic.Bool
}

var _ transport.Handler = (*Table)(nil)

// New makes a table that hands everything to u.
func New(c Config, d Deps, u User) *Table {
	t := &Table{
		user: u, log: d.Log, exempt: d.Exempt, keys: newKeyer(), peers: newPeers(), start: time.Now(),
		life: newLife(), lines: telemetry.NewLimiter(time.Second, time.Now), max: c.Max, flowMax: c.PerFlow,
	}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	if t.max <= 0 {
		t.max = defaultMax()
	}
	if t.flowMax <= 0 {
		t.flowMax = defaultPerFlow
	}
	t.budget = t.max * costLive / shards
	t.buffers.New = func() any { return new(bytes.Buffer) }
	for i := range t.shards {
		t.shards[i] = newShard(t)
	}
	t.m = newMetrics(d.Metrics)
	return t
}

// now is the table's clock: monotonic nanoseconds since it was made.
func (t *Table) now() int64 { return int64(time.Since(t.start)) }

func (t *Table) shard(k key) *shard { return t.shards[k[0]%shards] }

// Receive implements transport.Handler.
func (t *Table) Receive(f *transport.Flow, m gosip.Message) { t.receive(f, m) }

func (t *Table) receive(f flow, m gosip.Message) {
	defer t.guard("receive", nil)
	if t.closed.Load() {
		return
	}
	switch m := m.(type) {
	case *gosip.Request:
		t.request(f, m)
	case *gosip.Response:
		t.response(f, m)
	}
}

// Closed implements transport.Handler.
func (t *Table) Closed(f *transport.Flow, err error) { t.flowClosed(f, err) }

func (t *Table) flowClosed(f flow, err error) {
	for m := range t.peers.take(f.ID()) {
		m.lost()
	}
	defer t.guard("closed", nil)
	t.user.Closed(real(f), err)
}

// Drain makes new out-of-dialog INVITEs end in 503; everything else goes on.
func (t *Table) Drain() { t.draining.Store(true) }

// Live is the number of transactions that wait for a final answer.
func (t *Table) Live() int { return int(t.waiting.Load()) }

// Close ends all transactions and timers: contexts end, clients get ErrTransport, later messages are dropped.
func (t *Table) Close() {
	if t.closed.Swap(true) {
		return
	}
	for _, s := range t.shards {
		for _, m := range s.close() {
			m.lost()
		}
	}
	t.life.end()
}

// close stops the clock and returns all that lived.
func (s *shard) close() []member {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer.Stop()
	all := make([]member, 0, len(s.live)+len(s.ended)+len(s.calls))
	for _, m := range s.live {
		all = append(all, m)
	}
	for _, m := range s.ended {
		all = append(all, m)
	}
	for _, m := range s.calls {
		all = append(all, m)
	}
	clear(s.past)
	s.first, s.last, s.held = nil, nil, 0
	return all
}
