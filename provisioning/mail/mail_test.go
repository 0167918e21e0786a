package mail_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"image/png"
	"io"
	"log/slog"
	"math/big"
	"mime"
	"mime/multipart"
	"net"
	stdmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"sipward/internal/message"
	"sipward/provisioning/mail"
)

// server is a real SMTP server.
type server struct {
	mu   sync.Mutex
	got  []string // messages
	from []string
	rcpt func(to string) error
}

func (s *server) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{s}, nil }

type session struct{ s *server }

func (x *session) Mail(from string, _ *smtp.MailOptions) error {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.s.from = append(x.s.from, from)
	return nil
}
func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if x.s.rcpt != nil {
		return x.s.rcpt(to)
	}
	return nil
}
func (x *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.s.got = append(x.s.got, string(b))
	return err
}
func (*session) Reset()        {}
func (*session) Logout() error { return nil }

func start(t *testing.T, s *server, secure, implicit bool) (address string, roots *x509.CertPool) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	srv := smtp.NewServer(s)
	srv.Domain, srv.ReadTimeout, srv.WriteTimeout, srv.ErrorLog = "mx.test", 5*time.Second, 5*time.Second, quiet{}
	if secure {
		var cert tls.Certificate
		cert, roots = certificate(t)
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
		if implicit {
			l = tls.NewListener(l, srv.TLSConfig)
		}
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	return address, roots
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, _ := x509.ParseCertificate(der)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func hello() message.Message {
	return message.Message{
		ID: "aaaaaaaaaaaaaaaaaaaaaaaaaa", To: "ann@example.org", Created: time.Unix(1e9, 0),
		Content: message.Content{Subject: "Il tuo telefono è pronto\r\nBcc: eve@example.org", Text: "https://x/a/TOKEN\n.\nfine è", HTML: `<p>è</p><img src="cid:qr.png">`, QR: "https://x/a/TOKEN"},
	}
}

func TestAnEmailGoesOutOverTLS(t *testing.T) {
	t.Parallel()
	for _, security := range []string{"starttls", "tls"} {
		s := &server{}
		address, roots := start(t, s, true, security == "tls")
		m, err := mail.NewSMTP(mail.Config{Address: address, Security: security, From: "Sipward <pbx@example.com>", TLS: &tls.Config{RootCAs: roots}}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ids, err := m.Send(t.Context(), hello())
		if err != nil || len(ids) != 1 || s.from[0] != "pbx@example.com" {
			t.Fatalf("%s: %v %v %v", security, ids, err, s.from)
		}
		check(t, s.got[0])
	}
}

func check(t *testing.T, raw string) {
	t.Helper()
	m, err := stdmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	h := m.Header
	if h.Get("Auto-Submitted") != "auto-generated" || h.Get("Message-Id") != "<aaaaaaaaaaaaaaaaaaaaaaaaaa@example.com>" || h.Get("Bcc") != "" {
		t.Errorf("headers %v", h)
	}
	if s, _ := new(mime.WordDecoder).DecodeHeader(h.Get("Subject")); !strings.HasPrefix(s, "Il tuo telefono è pronto") {
		t.Errorf("subject %q", s)
	}
	kinds := map[string]bool{}
	var walk func(kind string, body io.Reader)
	walk = func(kind string, body io.Reader) {
		mt, p, err := mime.ParseMediaType(kind)
		if err != nil {
			t.Fatal(err)
		}
		kinds[mt] = true
		if strings.HasPrefix(mt, "multipart/") {
			for r := multipart.NewReader(body, p["boundary"]); ; {
				part, err := r.NextPart()
				if err != nil {
					return
				}
				if strings.HasPrefix(part.Header.Get("Content-Type"), "image/png") {
					b, _ := io.ReadAll(base64.NewDecoder(base64.StdEncoding, part))
					if _, err := png.Decode(bytes.NewReader(b)); err != nil || part.Header.Get("Content-Id") != "<qr.png>" {
						t.Errorf("picture: %v %v", err, part.Header)
					}
				}
				walk(part.Header.Get("Content-Type"), part)
			}
		}
		b, _ := io.ReadAll(body)
		if mt == "text/plain" && !strings.Contains(string(b), "fine è") {
			t.Errorf("text part %q", b)
		}
	}
	walk(h.Get("Content-Type"), m.Body)
	for _, want := range []string{"text/plain", "text/html", "image/png"} {
		if !kinds[want] {
			t.Errorf("no %s in %v", want, kinds)
		}
	}
}

func TestWithoutTLSNothingIsSent(t *testing.T) {
	t.Parallel()
	s := &server{}
	address, _ := start(t, s, false, false)
	m, err := mail.NewSMTP(mail.Config{Address: address, From: "pbx@example.com"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var f *message.Failure
	if _, err := m.Send(t.Context(), hello()); !errors.As(err, &f) || !f.Gateway || len(s.got) != 0 {
		t.Errorf("a server without STARTTLS: %v", err)
	}
	strange := &server{}
	address, _ = start(t, strange, true, false)
	m, _ = mail.NewSMTP(mail.Config{Address: address, From: "pbx@example.com"}, slog.New(slog.DiscardHandler))
	if _, err := m.Send(t.Context(), hello()); !errors.As(err, &f) || !f.Gateway || len(strange.got) != 0 {
		t.Errorf("a certificate nobody trusts: %v", err)
	}
	if _, err := mail.NewSMTP(mail.Config{Address: address, From: "pbx@example.com", Security: "none", User: "u"}, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a password in clear was accepted")
	}
}

func TestWhatTheServerSaysIsSorted(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]message.Failure{
		550: {Permanent: true, Status: message.Rejected}, 450: {}, 421: {Gateway: true},
	} {
		s := &server{rcpt: func(string) error {
			return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "no"}
		}}
		address, roots := start(t, s, true, false)
		m, _ := mail.NewSMTP(mail.Config{Address: address, From: "pbx@example.com", TLS: &tls.Config{RootCAs: roots}}, slog.New(slog.DiscardHandler))
		_, err := m.Send(t.Context(), hello())
		var f *message.Failure
		if !errors.As(err, &f) || f.Permanent != want.Permanent || f.Gateway != want.Gateway || f.Status != want.Status {
			t.Errorf("%d: %+v, want %+v", code, err, want)
		}
	}
}

func TestTheFolderHoldsWhatTheMailboxWouldGet(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "mail")
	if _, err := mail.NewFile(dir, "pbx@example.com").Send(t.Context(), hello()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "aaaaaaaaaaaaaaaaaaaaaaaaaa.eml"))
	if err != nil || !strings.Contains(string(b), "Auto-Submitted") {
		t.Errorf("%v %s", err, b)
	}
}
