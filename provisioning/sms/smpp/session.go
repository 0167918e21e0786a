package smpp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"sipward/internal/message"
)

// window is how many submissions may wait for their answer.
const window = 10

var errClosed = errors.New("the message centre closed the link")

// session is one connection.
type session struct {
	config Config
	deps   Deps
	conn   net.Conn
	slots  chan struct{} // window
	done   chan struct{} // closed when the reader has ended

	write sync.Mutex // one PDU at a time on the wire

	mu       sync.Mutex // guards what follows
	sequence uint32
	waiting  map[uint32]chan pdu
	fault    error // why the reader ended
}

func dial(ctx context.Context, c Config, d Deps) (*session, error) {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", c.Address)
	if err != nil {
		return nil, err
	}
	if c.TLS != nil {
		secure := tls.Client(conn, c.TLS)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = conn.Close() // the handshake's error is the one to tell
			return nil, err
		}
		conn = secure
	}
	s := &session{config: c, deps: d, conn: conn, slots: make(chan struct{}, window), done: make(chan struct{}), waiting: map[uint32]chan pdu{}}
	go s.read(ctx)
	return s, nil
}

// read owns the receiving side until the connection ends.
func (s *session) read(ctx context.Context) {
	defer close(s.done)
	r := bufio.NewReader(s.conn)
	for {
		p, err := read(r)
		if err != nil {
			s.mu.Lock()
			s.fault = err
			s.mu.Unlock()
			return
		}
		s.handle(ctx, p)
	}
}

func (s *session) handle(ctx context.Context, p pdu) {
	switch {
	case p.command&answer != 0: // also generic_nack
		s.mu.Lock()
		ch := s.waiting[p.sequence]
		delete(s.waiting, p.sequence)
		s.mu.Unlock()
		if ch != nil {
			ch <- p
		}
	case p.command == enquireLink:
		s.reply(p, 0, nil)
	case p.command == deliverSM:
		s.deliver(ctx, p)
	case p.command == unbind:
		s.reply(p, 0, nil)
		_ = s.conn.Close() // the reader ends by it
	default:
		s.send(pdu{command: genericNack, status: 0x03, sequence: p.sequence}) // ESME_RINVCMDID
	}
}

// deliver acknowledges a receipt once it is recorded; when it cannot be, the centre is asked to send it again.
func (s *session) deliver(ctx context.Context, p pdu) {
	sm, err := parseShort(p.body)
	if err != nil {
		s.reply(p, 0x40, []byte{0}) // ESME_RINVESMCLASS would blame a field; this blames the text: it is not sent again
		return
	}
	status := uint32(0)
	if ids, r, ok := sm.receipt(); ok {
		bounded, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if err := s.deps.Receipt(bounded, Name, ids, r); err != nil {
			s.deps.Log.WarnContext(ctx, "smpp: a receipt is not recorded", "err", err)
			status = 0x64 // ESME_RX_T_APPN: try again
		}
	}
	s.reply(p, status, []byte{0})
}

func (s *session) reply(p pdu, status uint32, body []byte) {
	s.send(pdu{command: p.command | answer, status: status, sequence: p.sequence, body: body})
}

// send writes a PDU; a connection that does not take it is closed, which the reader tells.
func (s *session) send(p pdu) {
	s.write.Lock()
	defer s.write.Unlock()
	_ = s.conn.SetWriteDeadline(time.Now().Add(10 * time.Second)) // fails only when closed
	if _, err := s.conn.Write(p.bytes()); err != nil {
		_ = s.conn.Close()
	}
}

// ask sends a command and waits for its answer.
func (s *session) ask(ctx context.Context, command uint32, body []byte) (pdu, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	ch := make(chan pdu, 1)
	s.mu.Lock()
	s.sequence = s.sequence%0x7fffffff + 1
	n := s.sequence
	s.waiting[n] = ch
	s.mu.Unlock()
	s.send(pdu{command: command, sequence: n, body: body})
	select {
	case p := <-ch:
		return p, nil
	case <-s.done:
		return pdu{}, errClosed
	case <-ctx.Done():
		s.mu.Lock()
		delete(s.waiting, n)
		s.mu.Unlock()
		return pdu{}, fmt.Errorf("no answer within %s", s.config.Timeout)
	}
}

// bind asks for both directions (section 4.1.5).
func (s *session) bind(ctx context.Context) error {
	b := text(text(text(nil, s.config.SystemID), s.config.Password.Reveal()), s.config.SystemType)
	b = append(b, 0x34, 0, 0, 0) // version 3.4, any address
	p, err := s.ask(ctx, bindTransceiver, b)
	if err == nil && p.status != 0 {
		err = fmt.Errorf("bind refused with status 0x%02x: check sms.smpp.system_id and password", p.status)
	}
	return err
}

// keep tries the link until it falls or ctx ends.
func (s *session) keep(ctx context.Context) error {
	tick := time.NewTicker(s.config.Enquire)
	defer tick.Stop()
	defer func() { _ = s.conn.Close(); <-s.done }()
	for {
		select {
		case <-s.done:
			s.mu.Lock()
			defer s.mu.Unlock()
			return errors.Join(errClosed, s.fault)
		case <-tick.C:
			if _, err := s.ask(ctx, enquireLink, nil); err != nil {
				return fmt.Errorf("enquire_link: %w", err)
			}
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_, _ = s.ask(last, unbind, nil) // a courtesy
			return ctx.Err()
		}
	}
}

// submit sends one part and returns the centre's id for it.
func (s *session) submit(ctx context.Context, body []byte) (string, error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return "", &message.Failure{Reason: "the message centre is busy", Gateway: true}
	}
	p, err := s.ask(ctx, submitSM, body)
	if err != nil {
		return "", &message.Failure{Reason: "the message centre: " + err.Error(), Gateway: true}
	}
	if p.status != 0 {
		return "", refusal(p.status)
	}
	c := &cursor{b: p.body}
	if id := c.text(); c.err == nil {
		return id, nil
	}
	return "", nil // accepted without an id: no receipt will be matched
}

// refusal sorts the statuses of a submit_sm_resp (section 5.1.3).
func refusal(status uint32) error {
	f := &message.Failure{Reason: fmt.Sprintf("the message centre refused it with status 0x%02x", status)}
	switch status {
	case 0x58, 0x14: // ESME_RTHROTTLED, ESME_RMSGQFUL
		f.Reason, f.Gateway, f.Retry = "the message centre asks to slow down", true, 2*time.Second
	case 0x08, 0x04, 0x0d, 0x0e, 0x0f: // a system error, or a bind that is none any more
		f.Gateway = true
	case 0x0b, 0x33, 0x34, 0x40, 0x48, 0x50, 0x51: // the recipient or its type
		f.Reason, f.Permanent, f.Status = "the message centre does not accept the recipient's number", true, message.Rejected
	case 0x0a, 0x49: // the source address
		f.Reason, f.Permanent = "the message centre does not accept the sender: check sms.from", true
	case 0x45, 0x64: // ESME_RSUBMITFAIL and a temporary error
	default:
		f.Permanent, f.Status = true, message.Rejected
	}
	return f
}
