package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"

	"sipward/internal/account"
	"sipward/internal/message"
)

// Config is one mail server.
type Config struct {
	Address  string // host:port
	Security string // starttls (default), tls, none
	User     string // empty: no authentication
	Password account.Secret
	From     string      // "Sipward <sipward@example.org>"
	TLS      *tls.Config // nil: the system's roots
}

// SMTP sends e-mail. It is safe for concurrent use; each message has a connection of its own.
type SMTP struct {
	host    string
	from    string
	domain  string // of our Message-IDs
	options []gomail.Option
	log     *slog.Logger
}

// sendTime bounds one e-mail.
const sendTime = 30 * time.Second

// NewSMTP checks the configuration.
func NewSMTP(c Config, log *slog.Logger) (*SMTP, error) {
	host, port, err := net.SplitHostPort(c.Address)
	n, bad := strconv.Atoi(port)
	if err != nil || bad != nil || host == "" {
		return nil, fmt.Errorf("mail.smtp.address: %q is no host:port", c.Address)
	}
	from, err := mail.ParseAddress(c.From)
	if err != nil {
		return nil, fmt.Errorf("mail.from: %q is no address: want for example sipward@example.org", c.From)
	}
	s := &SMTP{host: host, from: c.From, domain: domain(from.Address), log: log, options: []gomail.Option{gomail.WithPort(n), gomail.WithTimeout(sendTime)}}
	switch c.Security {
	case "", "starttls":
		s.options = append(s.options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case "tls":
		s.options = append(s.options, gomail.WithSSL())
	case "none":
		if c.User != "" {
			return nil, errors.New("mail.smtp.security: none would send the password in clear: use starttls or tls")
		}
		s.options = append(s.options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		return nil, fmt.Errorf("mail.smtp.security: %q is not one of starttls, tls, none", c.Security)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.TLS != nil {
		config = c.TLS.Clone()
	}
	config.ServerName = host
	s.options = append(s.options, gomail.WithTLSConfig(config))
	if c.User != "" {
		s.options = append(s.options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(c.User), gomail.WithPassword(c.Password.Reveal()))
	}
	_, err = gomail.NewClient(host, s.options...)
	return s, err
}

func domain(address string) string {
	for i := len(address) - 1; i >= 0; i-- {
		if address[i] == '@' {
			return address[i+1:]
		}
	}
	return "localhost"
}

// Name implements the outbox's Sender.
func (*SMTP) Name() string { return "smtp" }

// Send implements the outbox's Sender.
func (s *SMTP) Send(ctx context.Context, m message.Message) ([]string, error) {
	e, err := build(m, s.from, s.domain)
	if err != nil {
		return nil, &message.Failure{Reason: err.Error(), Permanent: true}
	}
	c, err := gomail.NewClient(s.host, s.options...)
	if err != nil {
		return nil, &message.Failure{Reason: "the mail server's configuration is not usable: " + err.Error(), Gateway: true}
	}
	if err := c.DialAndSendWithContext(ctx, e); err != nil {
		s.log.WarnContext(ctx, "mail: not sent", "host", s.host, "message", m.ID, "err", err)
		return nil, failure(err)
	}
	return []string{string(m.ID) + "@" + s.domain}, nil
}

// failure sorts what the server said: only what it says of the message or its recipient is the message's fault.
func failure(err error) error {
	var said *gomail.SendError
	if !errors.As(err, &said) || said.Reason == gomail.ErrConnCheck || said.ErrorCode() == 0 {
		return &message.Failure{Reason: "the mail server cannot be reached, or does not offer TLS: see the server's log", Gateway: true}
	}
	code := said.ErrorCode()
	f := &message.Failure{Reason: fmt.Sprintf("the mail server answered %d %s", code, said.EnhancedStatusCode())}
	switch {
	case said.IsTemp() && said.Reason == gomail.ErrSMTPMailFrom, code == 421, code == 530, code == 535:
		f.Gateway = true
	case !said.IsTemp():
		f.Permanent, f.Status = true, message.Rejected
	}
	return f
}
