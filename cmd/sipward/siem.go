package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"sipward/internal/audit"
	"sipward/internal/journal"
	"sipward/internal/operator"
	"sipward/internal/store"
	"sipward/internal/syslog"
	"sipward/sip/incident"
)

// collector tells a SIEM what stands in the audit log and in the sign-in log of this node, and what its SIP side sees of
// strangers; nil: there is none.
type collector struct {
	events    *journal.Journal[syslog.Event]
	to        *syslog.Sender
	incidents *incident.Gatherer
	offences  map[incident.Kind]offence
	mask      int // last digits of numbers that are hidden
}

// collect builds what syslog.url asks for.
func (n *node) collect(ctx context.Context) error {
	c := n.config.Syslog
	if c.URL == "" {
		return nil
	}
	trust, err := c.trust()
	if err != nil {
		return err
	}
	to, err := syslog.New(syslog.Config{URL: c.URL, Host: n.id, Version: version(), TLS: trust})
	if err != nil {
		return fmt.Errorf("syslog.url: %w", err)
	}
	events := journal.New(ctx, journal.Config{Name: "syslog", Goal: "the collector of syslog.url"}, bounded(to.Send), n.log, n.registry)
	n.collector = &collector{events: events, to: to, offences: offences(), mask: n.config.Log.MaskDigits}
	n.collector.incidents = incident.NewGatherer(n.collector)
	n.collector.exportUnnamed(n.registry)
	return nil
}

// trust is whom TLS believes: the CA of syslog.ca, else the system's.
func (c SyslogConfig) trust() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA == "" {
		return conf, nil
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fmt.Errorf("syslog.ca: %w", err)
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("syslog.ca: %s holds no certificate in PEM", c.CA)
	}
	return conf, nil
}

// run sends until ctx ends, and hangs up; the incidents end first, for what they leave is to be sent, too.
func (c *collector) run(ctx context.Context) error {
	if c == nil {
		return nil
	}
	defer c.to.Close()
	last, stop := context.WithCancel(context.WithoutCancel(ctx))
	gathered := make(chan error, 1)
	go func() {
		defer stop()
		gathered <- c.incidents.Run(ctx)
	}()
	return errors.Join(c.events.Run(last), <-gathered)
}

// audited takes an entry of the audit log.
func (c *collector) audited(e audit.Entry) {
	severity := 3
	if e.Result == audit.Denied {
		severity = 6
	}
	var objects []string
	for _, o := range e.Objects {
		objects = append(objects, strings.TrimSpace(fmt.Sprintf("%s %s %s", o.Op, o.Kind, cmp.Or(o.Name, o.ID))))
	}
	event := syslog.Event{At: e.At, ID: "audit." + string(e.Result), Name: e.Act.Action, Severity: severity, Fields: []syslog.Field{
		{Name: "suser", Value: e.Act.By}, {Name: "suid", Value: e.Act.ID}, {Name: "spriv", Value: e.Act.Role}, {Name: "src", Value: e.Act.From},
		{Name: "request", Value: e.Act.Path}, {Name: "outcome", Value: string(e.Result)}, {Name: "reason", Value: e.Detail}, {Name: "externalId", Value: e.Act.Request},
	}}
	if len(objects) > 0 {
		event.Fields = append(event.Fields, syslog.Field{Name: "cs1Label", Value: "objects"}, syslog.Field{Name: "cs1", Value: strings.Join(objects, "; ")})
	}
	c.events.Add(event)
}

// signedIn takes an entry of the sign-in log.
func (c *collector) signedIn(s operator.SignIn) {
	severity := 3
	switch s.Event {
	case operator.Failure, operator.BadCode, operator.Removed:
		severity = 6
	case operator.Locked:
		severity = 8
	}
	c.events.Add(syslog.Event{At: s.At, ID: "signin." + string(s.Event), Name: strings.ToLower(strings.ReplaceAll(string(s.Event), "_", " ")), Severity: severity, Fields: []syslog.Field{
		{Name: "suser", Value: s.Name}, {Name: "suid", Value: s.Operator}, {Name: "src", Value: s.Source}, {Name: "outcome", Value: string(s.Event)},
		{Name: "cs1Label", Value: "method"}, {Name: "cs1", Value: s.Method}, {Name: "requestClientApplication", Value: s.Agent}, {Name: "externalId", Value: s.ID},
	}})
}

// signInLog is the sign-in log, with the collector told of each entry that was written.
type signInLog struct {
	*store.SignIns
	collector *collector
}

// Add writes one entry.
func (l signInLog) Add(ctx context.Context, s operator.SignIn) error {
	if err := l.SignIns.Add(ctx, s); err != nil || l.collector == nil {
		return err
	}
	l.collector.signedIn(s)
	return nil
}
