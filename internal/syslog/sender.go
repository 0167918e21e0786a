package syslog

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"time"
)

const (
	dialTime  = 3 * time.Second
	writeTime = 3 * time.Second
	mostUDP   = 8192 // bytes; RFC 5426 section 3.2 wants 2048 taken everywhere, larger ones are cut by some
)

// Config says where the collector is, and who we are.
type Config struct {
	URL     string // udp://host:514, tcp://host:601, tls://host:6514
	Host    string // of the messages: the node
	Version string // of the program
	TLS     *tls.Config
}

// Sender sends events to one collector. It is not safe for concurrent use.
type Sender struct {
	config  Config
	network string
	address string
	conn    net.Conn // nil: dial
}

// Check reports what is wrong with the address of a collector.
func Check(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Port() == "" || u.Path != "" || u.Scheme != "udp" && u.Scheme != "tcp" && u.Scheme != "tls" {
		return fmt.Errorf("%q is no collector: want udp://, tcp:// or tls:// with host and port, for example tls://siem.example.com:6514", text)
	}
	return nil
}

// New checks the configuration; it dials when there is something to send.
func New(c Config) (*Sender, error) {
	if err := Check(c.URL); err != nil {
		return nil, err
	}
	u, _ := url.Parse(c.URL) // checked above
	return &Sender{config: c, network: u.Scheme, address: u.Host}, nil
}

// Send sends all of a batch, or fails; then all of it is to be sent again.
func (s *Sender) Send(ctx context.Context, batch []Event) error {
	if s.conn == nil {
		conn, err := s.dial(ctx)
		if err != nil {
			return fmt.Errorf("the collector %s cannot be reached: %w", s.config.URL, err)
		}
		s.conn = conn
	}
	for _, e := range batch {
		if err := s.write(e); err != nil {
			s.Close()
			return fmt.Errorf("the collector %s broke off: %w", s.config.URL, err)
		}
	}
	return nil
}

func (s *Sender) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	if s.network != "tls" {
		return (&net.Dialer{}).DialContext(ctx, s.network, s.address)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.config.TLS != nil {
		c = s.config.TLS.Clone()
	}
	return (&tls.Dialer{Config: c}).DialContext(ctx, "tcp", s.address)
}

// write sends one message: a datagram, or counted octets (RFC 6587 section 3.4.1, RFC 5425 section 4.3).
func (s *Sender) write(e Event) error {
	text := e.message(s.config.Host, s.config.Version)
	if s.network == "udp" {
		text = text[:min(len(text), mostUDP)]
	} else {
		text = fmt.Sprintf("%d %s", len(text), text)
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	_, err := s.conn.Write([]byte(text))
	return err
}

// Close ends the connection; the next batch dials again.
func (s *Sender) Close() {
	if s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
}
