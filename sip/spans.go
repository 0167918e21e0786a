package sip

import (
	"context"

	gosip "github.com/emiago/sipgo/sip"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"sipward/internal/account"
	"sipward/sip/tx"
)

// spans follows requests with credentials, from their arrival to their final answer: registrations, calls until they are
// answered or refused, messages. What costs an attacker nothing (challenges, pings, nonsense) makes none. Nil: nothing is
// followed.
type spans struct{ tracer trace.Tracer }

func newSpans(t trace.Tracer) *spans {
	if t == nil {
		return nil
	}
	return &spans{t}
}

// follow begins the span of a request; within is its context for the store.
func (s *spans) follow(ctx context.Context, t *tx.Server) (within func(context.Context) context.Context) {
	if s == nil {
		return func(ctx context.Context) context.Context { return ctx }
	}
	req := t.Request()
	_, sp := s.tracer.Start(ctx, known(req.Method), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("sip.method", known(req.Method)), attribute.String("sip.call_id", callID(req)),
		attribute.String("network.transport", string(t.Flow().Network())), attribute.String("client.address", t.Flow().Remote().Addr().String()),
	))
	t.Settled(func(code int) {
		sp.SetAttributes(attribute.Int("sip.status_code", code))
		if code == 0 || code >= 500 {
			sp.SetStatus(codes.Error, "")
		}
		sp.End()
	})
	return func(ctx context.Context) context.Context { return trace.ContextWithSpan(ctx, sp) }
}

// caller names the account that asks.
func (s *spans) caller(ctx context.Context, a account.Account) {
	if s != nil {
		trace.SpanFromContext(ctx).SetAttributes(attribute.String("sipward.account", string(a.ID)))
	}
}

func callID(req *gosip.Request) string {
	if id := req.CallID(); id != nil {
		return id.Value()
	}
	return ""
}
