package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"

	"sipward/internal/apiclient"
	"sipward/internal/telemetry"
	"sipward/sip/phone"
	"sipward/sip/transport"
)

// demoTime bounds the whole tour.
const demoTime = 90 * time.Second

func demoCommand() *cobra.Command {
	var record string
	c := &cobra.Command{
		Use: "demo", Short: "Show the main job, unattended, in a temporary folder on free ports", Args: nothing,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), demoTime)
			defer cancel()
			return demo(ctx, c.OutOrStdout(), record)
		},
	}
	c.Flags().StringVar(&record, "record", "", "keep the announcement as this WAV file")
	return c
}

// demo runs a server and takes the tour through it; any surprise is an error.
func demo(ctx context.Context, out io.Writer, record string) (err error) {
	dir, err := os.MkdirTemp("", "sipward-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c := Defaults()
	c.DataDir, c.Domain = dir, "demo.sipward.local"
	c.SIP.UDP, c.SIP.TCP, c.SIP.TLS, c.SIP.WSS = []string{"127.0.0.1:0"}, nil, []string{"127.0.0.1:0"}, nil
	c.HTTP.Admin, c.HTTP.Public, c.HTTP.Metrics = "127.0.0.1:0", "127.0.0.1:0", ""
	vendor, err := demoLicences(ctx, &c.Licence)
	if err != nil {
		return err
	}
	defer vendor.close()
	log, err := telemetry.NewLogger(io.Discard, telemetry.LogConfig{})
	if err != nil {
		return err
	}
	n, err := newNode(ctx, c, log)
	if err != nil {
		return err
	}
	l, err := n.listen(ctx)
	if err != nil {
		return errors.Join(err, n.close())
	}
	serving, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- n.run(serving, l) }()
	t := &tour{out: out, node: n, admin: l.admin.Addr(), public: l.public.Addr(), vendor: vendor, record: record, dir: dir}
	err = t.run(ctx)
	stop()
	return errors.Join(err, <-ended, n.close())
}

// tour is the demo's way through the product.
type tour struct {
	out    io.Writer
	node   *node
	admin  net.Addr
	public net.Addr
	vendor *demoVendor
	api    *apiclient.Client
	record string
	dir    string
	step   int
	phones []*phone.Phone
}

func (t *tour) say(format string, args ...any) {
	t.step++
	fmt.Fprintf(t.out, "%2d  %s\n", t.step, fmt.Sprintf(format, args...))
}

func (t *tour) run(ctx context.Context) (err error) {
	if t.api, err = apiclient.New(apiclient.Config{URL: "http://" + t.admin.String(), Token: t.node.token.Reveal()}); err != nil {
		return err
	}
	defer t.api.Close()
	defer func() {
		for _, p := range t.phones {
			p.Close()
		}
	}()
	t.say("server up: SIP/TLS on %s, admin API on %s", t.node.sip.Addr(transport.TLS), t.admin)
	group, err := t.api.CreateGroup(ctx, apiclient.NewGroup{Name: "Demo"})
	if err != nil {
		return err
	}
	ada, a, err := t.line(ctx, group.ID, "Ada", "1001")
	if err != nil {
		return err
	}
	_, b, err := t.line(ctx, group.ID, "Bruno", "1002")
	if err != nil {
		return err
	}
	if err := t.talk(ctx, a, b); err != nil {
		return err
	}
	if err := t.disable(ctx, ada, a, b); err != nil {
		return err
	}
	return t.licence(ctx, group.ID)
}

// trust believes in the server's own authority.
func (t *tour) trust(name string) (*tls.Config, error) {
	pem, err := os.ReadFile(t.node.files.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: roots, ServerName: name}, nil
}

// line makes an account and registers a phone for it over TLS.
func (t *tour) line(ctx context.Context, group, owner, number string) (apiclient.Account, *phone.Phone, error) {
	acc, err := t.api.CreateAccount(ctx, apiclient.NewAccount{Way: "plain", Type: "PGSM", GroupID: group, Owner: owner, Number: number})
	if err != nil {
		return acc, nil, err
	}
	trust, err := t.trust("127.0.0.1")
	if err != nil {
		return acc, nil, err
	}
	p, err := phone.New(phone.Config{
		Server: t.node.sip.Addr(transport.TLS).String(), Transport: "tls", TLS: trust,
		Domain: t.node.config.Domain, User: acc.User, Password: phone.Secret(acc.Password), SRTP: phone.SRTPRequired, Tone: 440,
	})
	if err != nil {
		return acc, nil, err
	}
	t.phones = append(t.phones, p)
	if err := p.Register(ctx); err != nil {
		return acc, p, err
	}
	t.say("%s (%s) registered over TLS: 200 OK", owner, number)
	return acc, p, nil
}

// talk connects the two phones and listens.
func (t *tour) talk(ctx context.Context, a, b *phone.Phone) error {
	ours, theirs, err := t.connect(ctx, a, b, "1002")
	if err != nil {
		return err
	}
	t.say("Ada calls 1002: 180 Ringing, 200 OK")
	for who, call := range map[string]*phone.Call{"Ada": ours, "Bruno": theirs} {
		if err := call.Audio().Listen(ctx, time.Second); err != nil {
			return fmt.Errorf("%s hears nothing: %w", who, err)
		}
	}
	t.say("both hear the other's tone, %s", ours.Audio().Heard().Suite)
	if err := ours.Bye(ctx); err != nil {
		return err
	}
	t.say("Ada hangs up: 200 OK")
	return nil
}

func (t *tour) connect(ctx context.Context, a, b *phone.Phone, number string) (ours, theirs *phone.Call, err error) {
	if ours, err = a.Call(ctx, number, phone.Options{}); err != nil {
		return nil, nil, err
	}
	if theirs, err = b.Incoming(ctx); err != nil {
		return nil, nil, err
	}
	if err = errors.Join(theirs.Ring(), theirs.Answer()); err != nil {
		return nil, nil, err
	}
	return ours, theirs, ours.Answered(ctx)
}
