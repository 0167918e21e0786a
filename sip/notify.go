package sip

import (
	"context"
	"errors"
	"fmt"
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/sip/header"
	"sipward/sip/transport"
)

// The refusals of Notify.
var (
	ErrNoContact = errors.New("no phone of the account is registered")
	ErrNoFlow    = errors.New("the phone's connection is gone: it comes back when the phone registers again")
)

// Notify sends one NOTIFY outside any dialog to one contact of an account, over the flow that registered it, and waits for
// the answer: the contact whose User-Agent begins with agent (any, when it is empty), the last registered first. It is
// how a desk phone is told to fetch its configuration (Event: check-sync). It returns the contact that was told.
func (s *Server) Notify(ctx context.Context, id account.ID, agent, event string, body []byte) (contact string, err error) {
	if strings.ContainsAny(event, "\r\n") {
		return "", errors.New("an event is one line")
	}
	a, set, err := s.deps.Locations.Lookup(ctx, id)
	if err != nil {
		return "", err
	}
	b, ok := newest(set.Usable(a, s.deps.Now()), agent)
	if !ok {
		return "", ErrNoContact
	}
	f := s.proxy.Reach(b)
	if f == nil {
		return b.URI, ErrNoFlow
	}
	var target gosip.Uri
	if err := gosip.ParseUri(b.URI, &target); err != nil {
		return b.URI, fmt.Errorf("contact %s: %w", b.URI, err)
	}
	return b.URI, s.ask(ctx, f, s.notification(f, target, header.Routes(b.Path), event, body))
}

// newest is the binding that was made last, of those whose User-Agent begins with agent.
func newest(bindings []location.Binding, agent string) (found location.Binding, ok bool) {
	for _, b := range bindings {
		if len(b.Agent) < len(agent) || !strings.EqualFold(b.Agent[:len(agent)], agent) {
			continue
		}
		if !ok || b.Since.After(found.Since) {
			found, ok = b, true
		}
	}
	return found, ok
}

// ask sends a request and waits for its final answer.
func (s *Server) ask(ctx context.Context, f *transport.Flow, r *gosip.Request) error {
	done := make(chan error, 1)
	client, err := s.table.Request(f, r, func(res *gosip.Response, err error) {
		switch {
		case err != nil:
		case res.StatusCode < 200:
			return
		case res.StatusCode >= 300:
			err = fmt.Errorf("the phone answered %d %s", res.StatusCode, res.Reason)
		}
		select {
		case done <- err:
		default: // it was answered before
		}
	})
	if err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		client.Stop()
		return ctx.Err()
	}
}

// notification is a NOTIFY without a subscription, as phones expect it for check-sync.
func (s *Server) notification(f *transport.Flow, target gosip.Uri, routes []gosip.Header, event string, body []byte) *gosip.Request {
	r := gosip.NewRequest(gosip.NOTIFY, target)
	domain := gosip.Uri{Scheme: "sip", Host: s.config.Domain}
	id, hops := gosip.CallIDHeader(gosip.GenerateTagN(16)), gosip.MaxForwardsHeader(70)
	r.AppendHeader(s.via(f))
	for _, h := range routes {
		r.AppendHeader(h)
	}
	r.AppendHeader(&hops)
	r.AppendHeader(&gosip.FromHeader{Address: domain, Params: gosip.HeaderParams{{K: "tag", V: strings.ToLower(gosip.GenerateTagN(8))}}})
	r.AppendHeader(&gosip.ToHeader{Address: target})
	r.AppendHeader(&id)
	r.AppendHeader(&gosip.CSeqHeader{SeqNo: 1, MethodName: gosip.NOTIFY})
	r.AppendHeader(gosip.NewHeader("Contact", "<"+s.contact(f, "sipward")+">"))
	r.AppendHeader(gosip.NewHeader("Event", event))
	r.AppendHeader(gosip.NewHeader("Subscription-State", "terminated;reason=noresource")) // RFC 6665 section 4.1.3 wants one
	r.SetBody(body)
	return r
}
