package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"sipward/internal/account"
	"sipward/internal/message"
	"sipward/internal/seal"
	"sipward/internal/web"
	"sipward/provisioning"
	"sipward/provisioning/mail"
	"sipward/provisioning/outbox"
	"sipward/provisioning/sms"
	"sipward/provisioning/sms/smpp"
	"sipward/provisioning/snom"
	"sipward/sip"
	"sipward/sip/transport"
)

// provisioned is what sends messages and provisions phones; built once the listeners are bound, for links hold the port.
type provisioned struct {
	outbox  *outbox.Outbox
	desk    *snom.Service
	life    *provisioning.API
	public  [][]web.Route // what phones and gateways reach by HTTPS
	running []func(context.Context) error
}

// provision builds it.
func (n *node) provision(l listeners, cursors *web.Cursors) (p *provisioned, err error) {
	p = &provisioned{}
	base := n.config.baseURL(port(l.public))
	if err := n.post(p, base, cursors); err != nil {
		return nil, err
	}
	if err := n.inviting(p, base, cursors); err != nil {
		return nil, err
	}
	if p.desk, err = n.desks(base, cursors); err != nil {
		return nil, err
	}
	p.public = append(p.public, p.desk.PublicRoutes())
	allowed, err := networks(n.config.SNOM.PnPNetworks)
	if err != nil || len(allowed) == 0 {
		return p, err
	}
	responder, err := p.desk.Listen(allowed)
	if err != nil {
		return nil, err
	}
	p.running = append(p.running, responder.Run)
	return p, nil
}

// publicTLS asks for a certificate when SNOM's factory certificates prove something, or the apps have some. It is not
// demanded, and checked by who uses it: a phone with one that is out of date may still show its token.
func (n *node) publicTLS() (*tls.Config, error) {
	c := n.httpTLS()
	for key, file := range map[string]string{"tls.snom_ca": n.config.TLS.SNOMCA, "tls.client_ca": n.config.TLS.ClientCA} {
		if file == "" {
			continue
		}
		if c.ClientCAs == nil {
			c.ClientAuth, c.ClientCAs = tls.RequestClientCert, x509.NewCertPool()
		}
		if err := addCAs(c.ClientCAs, key, file); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func port(l net.Listener) int {
	if l == nil {
		return 0
	}
	_, s, _ := net.SplitHostPort(l.Addr().String())
	n, _ := strconv.Atoi(s) // a bound address has a number
	return n
}

// run runs all of it.
func (p *provisioned) run(ctx context.Context, g *errgroup.Group) {
	for _, f := range append(p.running, p.outbox.Run) {
		g.Go(func() error { return f(ctx) })
	}
}

// post builds the senders and the outbox.
func (n *node) post(p *provisioned, base string, cursors *web.Cursors) (err error) {
	c := n.config
	senders := map[message.Channel]outbox.Sender{}
	folder := filepath.Join(c.DataDir, "outbox")
	receipt := func(ctx context.Context, driver string, ids []string, r message.Receipt) error {
		return p.outbox.Receipt(ctx, driver, ids, r)
	}
	switch c.SMS.Driver {
	case "file":
		senders[message.SMS] = sms.NewFile(filepath.Join(folder, "sms.jsonl"))
	case "http":
		secret := fmt.Sprintf("%x", n.roots[0].Derive("sms receipts"))
		gateway, err := sms.NewHTTP(c.SMS.gateway(base+"/sms/receipts/"+secret), n.log)
		if err != nil {
			return err
		}
		senders[message.SMS] = gateway
		p.public = append(p.public, gateway.Receipts(secret, receipt))
	case "smpp":
		centre := c.SMS.centre()
		if c.SMS.SMPP.TLS {
			host, _, _ := net.SplitHostPort(centre.Address) // checked with the configuration
			centre.TLS = &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
		}
		client, err := smpp.New(centre, smpp.Deps{Receipt: receipt, Log: n.log})
		if err != nil {
			return err
		}
		senders[message.SMS] = client
		p.running = append(p.running, client.Run)
	}
	if err := n.mail(senders, folder); err != nil {
		return err
	}
	p.outbox, err = outbox.New(c.outboxConfig(), outbox.Deps{
		Store: n.store.Outbox, Senders: senders, Ring: seal.NewRing("outbox", n.roots...), Node: n.id, Cursors: cursors, Now: time.Now, Log: n.log, Metrics: n.registry,
		Before:  func(ctx context.Context, m message.Message) error { return p.life.MayGo(ctx, m) },
		Changed: func(ctx context.Context, m message.Message) { p.life.Sent(ctx, m) },
	})
	return err
}

func (n *node) mail(senders map[message.Channel]outbox.Sender, folder string) error {
	c := n.config.Mail
	if c.From == "" {
		c.From = "sipward@" + n.config.Domain
	}
	switch c.Driver {
	case "file":
		senders[message.Email] = mail.NewFile(filepath.Join(folder, "mail"), c.From)
	case "smtp":
		var trust *tls.Config
		if pool, err := pool("mail.smtp.ca", c.SMTP.CA); err != nil {
			return err
		} else if pool != nil {
			trust = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
		}
		server, err := mail.NewSMTP(mail.Config{
			Address: c.SMTP.Address, Security: c.SMTP.Security, User: c.SMTP.User, Password: account.Secret(c.SMTP.Password), From: c.From, TLS: trust,
		}, n.log)
		if err != nil {
			return err
		}
		senders[message.Email] = server
	}
	return nil
}

// pool reads CAs; nil when the key is empty.
func pool(key, file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	p := x509.NewCertPool()
	return p, addCAs(p, key, file)
}

// addCAs reads CAs into a pool.
func addCAs(p *x509.CertPool, key, file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	if !p.AppendCertsFromPEM(b) {
		return fmt.Errorf("%s: %s has no certificate in PEM", key, file)
	}
	return nil
}

// desks builds the provisioning of desk phones.
func (n *node) desks(base string, cursors *web.Cursors) (*snom.Service, error) {
	c := n.config
	factory, err := pool("tls.snom_ca", c.TLS.SNOMCA)
	if err != nil {
		return nil, err
	}
	open, err := networks(c.SNOM.Networks)
	if err != nil {
		return nil, fmt.Errorf("snom.networks: %w", err)
	}
	ca, err := n.ownCA()
	if err != nil {
		return nil, err
	}
	return snom.New(snom.Config{Domain: c.Domain, Outbound: n.outbound(), BaseURL: base, Networks: open, Refresh: c.SNOM.Refresh}, snom.Deps{
		Phones: n.store.Phones, Accounts: n.store.Accounts, Ring: seal.NewRing("ha1", n.roots...), Devices: seal.NewRing("device", n.roots...),
		Cursors: cursors, Factory: factory, CA: ca, Notify: n.notify, Now: time.Now, Log: n.log,
	})
}

// ownCA is the generated CA, DER; nil when the certificate is the operator's, which phones trust already.
func (n *node) ownCA() ([]byte, error) {
	if n.files.CA == "" {
		return nil, nil
	}
	b, err := os.ReadFile(n.files.CA)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("%s has no certificate in PEM: restore it from a backup", n.files.CA)
	}
	return block.Bytes, nil
}

// outbound is our TLS listener as phones reach it: by the name in the certificate.
func (n *node) outbound() string {
	host, port := n.config.SIP.Advertise, "5061"
	if host == "" {
		host = n.config.Domain
	}
	if a := n.sip.Addr(transport.TLS); a != nil {
		_, port, _ = net.SplitHostPort(a.String())
	}
	return net.JoinHostPort(host, port)
}

// notify tells one phone, in the words of the API.
func (n *node) notify(ctx context.Context, id account.ID, agent, event string, body []byte) (string, error) {
	contact, err := n.sip.Notify(ctx, id, agent, event, body)
	switch {
	case errors.Is(err, sip.ErrNoContact):
		return "", web.Conflict("not_registered", "no SNOM phone of this account is registered: it fetches its configuration when it starts")
	case errors.Is(err, sip.ErrNoFlow):
		return "", web.Conflict("no_flow", "the phone's connection is gone: repeat when it has registered again")
	case err != nil && ctx.Err() == nil:
		return "", web.Conflict("phone_refused", "the phone did not take it: "+err.Error())
	case err != nil:
		return "", web.Conflict("no_answer", "the phone did not answer within 5 s")
	}
	return contact, nil
}
