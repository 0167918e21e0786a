package tx

import (
	"context"
	"log/slog"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"

	"sipward/sip/transport"
)

// User is the transaction user: the proxy core. No method may block.
type User interface {
	// Request brings a new request other than ACK and CANCEL, in the flow's order.
	Request(s *Server)
	// Cancel brings a CANCEL that matched an INVITE transaction; it has been answered with 200 already. The user ends
	// its branches and answers the INVITE with what they say, or 487.
	Cancel(invite *Server, cancel *gosip.Request)
	// Ack brings an ACK that no INVITE transaction absorbed: the ACK of a 2xx.
	Ack(f *transport.Flow, ack *gosip.Request)
	// Stray brings a response that no client transaction awaits: forwarded statelessly when it is a 2xx of an INVITE
	// (RFC 3261 section 16.7 step 1, RFC 6026), else dropped.
	Stray(f *transport.Flow, res *gosip.Response)
	// Closed tells that a stream flow is gone; its client transactions have failed already.
	Closed(f *transport.Flow, err error)
}

// Config of the table.
type Config struct {
	Max     int // live transactions; 0: from GOMEMLIMIT or the machine's memory, 10 KiB each, a quarter of it
	PerFlow int // requests in flight on one stream flow; 0: 32
}

// Deps of the table.
type Deps struct {
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// Table demultiplexes messages to transactions; it is the transport's Handler.
type Table struct {
	// being written
}

var _ transport.Handler = (*Table)(nil)

// New makes a table that hands everything to u.
func New(c Config, d Deps, u User) *Table { panic("being written") }

// Receive implements transport.Handler.
func (t *Table) Receive(f *transport.Flow, m gosip.Message) { panic("being written") }

// Closed implements transport.Handler.
func (t *Table) Closed(f *transport.Flow, err error) { panic("being written") }

// Drain makes new out-of-dialog INVITEs end in 503; everything else goes on.
func (t *Table) Drain() { panic("being written") }

// Live is the number of transactions that wait for a final answer.
func (t *Table) Live() int { panic("being written") }

// Close ends all transactions and timers.
func (t *Table) Close() { panic("being written") }

// Server is one server transaction.
type Server struct {
	// being written
}

// Request is the request that began the transaction. The user must not change it: it clones.
func (s *Server) Request() *gosip.Request { panic("being written") }

// Flow is where it came from.
func (s *Server) Flow() *transport.Flow { panic("being written") }

// Respond sends a response built for this request. A To tag is stamped, the same for the whole transaction, unless the
// response carries one or is a 100. After a 2xx of an INVITE further 2xx may follow (forks, RFC 6026). An answer after a
// final one is an error and is not sent.
func (s *Server) Respond(res *gosip.Response) error { panic("being written") }

// Reply builds and sends a response of our own with extra headers.
func (s *Server) Reply(code int, phrase string, headers ...gosip.Header) error {
	panic("being written")
}

// Tag is the To tag stamped on our own answers.
func (s *Server) Tag() string { panic("being written") }

// Cancelled reports whether a CANCEL has come for it.
func (s *Server) Cancelled() bool { panic("being written") }

// Answered is the final status sent, 0 before.
func (s *Server) Answered() int { panic("being written") }

// Context ends when the transaction has its final answer acknowledged, times out, or its flow closes.
func (s *Server) Context() context.Context { panic("being written") }

// Client is one client transaction.
type Client struct {
	// being written
}

// Request sends r over f in a new client transaction. The top Via must be ours with a fresh branch ([Branch]). Every
// response is handed to on in its order of arrival, the same goroutine as the flow's reader: provisional, final, and
// each further 2xx of an INVITE. A timeout, a failed write or a closed flow calls on once with a nil response and
// ErrTimeout or ErrTransport. The ACK of a non-2xx is sent here; that of a 2xx is the user's. on must not block.
func (t *Table) Request(f *transport.Flow, r *gosip.Request, on func(*gosip.Response, error)) (*Client, error) {
	panic("being written")
}

// Request is the request the transaction sent.
func (c *Client) Request() *gosip.Request { panic("being written") }

// Cancel sends a CANCEL for an INVITE: at once when a provisional answer has come, else as soon as one comes
// (RFC 3261 section 9.1). headers are added (Reason, RFC 3326). It is idempotent and does nothing after a final answer.
func (c *Client) Cancel(headers ...gosip.Header) { panic("being written") }

// Stop forgets the transaction without sending anything.
func (c *Client) Stop() { panic("being written") }

// Send sends a request outside of a transaction: the ACK of a 2xx.
func Send(f *transport.Flow, r *gosip.Request) error { return f.WriteMsg(r) }

// Branch returns a fresh branch with the magic cookie (RFC 3261 section 8.1.1.7).
func Branch() string { return gosip.GenerateBranchN(16) }
