package smpp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	"sipward/internal/account"
	"sipward/internal/message"
)

// Config is one message centre.
type Config struct {
	Address    string // host:port
	SystemID   string
	Password   account.Secret
	SystemType string
	From       string // a number with +, a short number, or up to 11 letters
	TLS        *tls.Config
	SAR        bool          // long texts by SAR parameters instead of a user data header
	Enquire    time.Duration // how often the link is tried; 30 s
	Timeout    time.Duration // for an answer; 30 s
}

// Deps is what the client needs.
type Deps struct {
	// Receipt takes a delivery receipt; an error makes the centre send it again.
	Receipt func(ctx context.Context, driver string, ids []string, r message.Receipt) error
	Log     *slog.Logger
}

// Client keeps one transceiver bind up. It is safe for concurrent use.
type Client struct {
	config Config
	deps   Deps

	mu   sync.Mutex // guards live
	live *session   // nil: not bound
}

// Name is how messages name this driver.
const Name = "smpp"

// New checks the configuration; Run binds.
func New(c Config, d Deps) (*Client, error) {
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		return nil, fmt.Errorf("sms.smpp.address: %q is no host:port", c.Address)
	}
	if len(c.SystemID) == 0 || len(c.SystemID) > 15 || len(c.Password.Reveal()) > 32 || len(c.From) > 20 {
		return nil, errors.New("sms.smpp: system_id has 1 to 15 characters, password at most 32, sms.from at most 20")
	}
	if strings.ContainsRune(c.SystemID+c.Password.Reveal()+c.From+c.SystemType, 0) {
		return nil, errors.New("sms.smpp: a NUL cannot be sent")
	}
	if c.Enquire <= 0 {
		c.Enquire = 30 * time.Second
	}
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	return &Client{config: c, deps: d}, nil
}

// Name implements the outbox's Sender.
func (*Client) Name() string { return Name }

// Run binds, and binds again when the link falls, until ctx ends.
func (c *Client) Run(ctx context.Context) error {
	const first, last = time.Second, 30 * time.Second
	wait := first
	for ctx.Err() == nil {
		began := time.Now()
		err := c.serve(ctx)
		if ctx.Err() != nil {
			break
		}
		if time.Since(began) > time.Minute {
			wait = first
		}
		c.deps.Log.WarnContext(ctx, "smpp: the link is down", "address", c.config.Address, "err", err, "again_in", wait)
		select {
		case <-time.After(wait - rand.N(wait/5)):
		case <-ctx.Done():
		}
		wait = min(2*wait, last)
	}
	return nil
}

// serve is the life of one link.
func (c *Client) serve(ctx context.Context) error {
	s, err := dial(ctx, c.config, c.deps)
	if err != nil {
		return err
	}
	if err := s.bind(ctx); err != nil {
		_ = s.conn.Close() // the bind's error is the one to tell
		<-s.done
		return err
	}
	c.deps.Log.InfoContext(ctx, "smpp: bound", "address", c.config.Address)
	c.set(s)
	defer c.set(nil)
	return s.keep(ctx)
}

func (c *Client) set(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live = s
}

// Bound reports whether messages can be sent now.
func (c *Client) Bound() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.live != nil
}

// Send implements the outbox's Sender: one id for each part.
func (c *Client) Send(ctx context.Context, m message.Message) ([]string, error) {
	c.mu.Lock()
	s := c.live
	c.mu.Unlock()
	if s == nil {
		return nil, &message.Failure{Reason: "the message centre is not connected", Gateway: true}
	}
	coding, parts := split(m.Content.Text)
	if parts == nil {
		return nil, &message.Failure{Reason: fmt.Sprintf("the text needs more than %d SMS: shorten it", maxParts), Permanent: true}
	}
	ids := make([]string, 0, len(parts))
	reference := byte(rand.N(256))
	for i, part := range parts {
		id, err := s.submit(ctx, c.submission(m.To, coding, part, i, len(parts), reference))
		if err != nil {
			return nil, err
		}
		ids = append(ids, canonical(id))
	}
	return ids, nil
}

// submission is the body of a submit_sm (section 4.4.1).
func (c *Client) submission(to string, coding byte, part []byte, i, n int, reference byte) []byte {
	esm := byte(0)
	if n > 1 && !c.config.SAR {
		esm = 0x40 // a user data header
		part = append([]byte{5, 0, 3, reference, byte(n), byte(i + 1)}, part...)
	}
	b := text(nil, "") // service_type
	b = source(b, c.config.From)
	b = text(append(b, 1, 1), strings.TrimPrefix(to, "+")) // international, E.164
	b = append(b, esm, 0, 0)
	b = text(text(b, ""), "")      // now, and as long as the centre likes
	b = append(b, 1, 0, coding, 0) // a receipt for success and failure
	b = append(b, byte(len(part))) // at most 160
	b = append(b, part...)
	if n > 1 && c.config.SAR {
		b = tlv(b, tagSARReference, []byte{0, reference})
		b = tlv(b, tagSARTotal, []byte{byte(n)})
		b = tlv(b, tagSARSequence, []byte{byte(i + 1)})
	}
	return b
}

// source is who it comes from: its type of number follows from its form (section 5.2.5).
func source(b []byte, from string) []byte {
	digits := strings.TrimPrefix(from, "+")
	switch {
	case strings.Trim(digits, "0123456789") != "":
		return text(append(b, 5, 0), from) // alphanumeric
	case digits != from:
		return text(append(b, 1, 1), digits)
	case from == "":
		return text(append(b, 0, 0), "") // the centre's choice
	}
	return text(append(b, 3, 0), from) // network specific: a short number
}
