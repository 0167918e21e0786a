package sip

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/parcel"
	"sipward/sip/header"
	"sipward/sip/messaging"
	"sipward/sip/proxy"
	"sipward/sip/reply"
	"sipward/sip/tx"
)

// Post takes secure messages in, opens them, and reports to their senders.
type Post interface {
	Accept(ctx context.Context, o parcel.Order) (parcel.Parcel, error)
	messaging.Post
}

// newCourier builds what delivers secure messages; nil when the node has no store for them.
func (s *Server) newCourier() *messaging.Courier {
	if s.deps.Parcels == nil {
		return nil
	}
	c := s.config.Messaging
	c.Domain, c.Node = s.config.Domain, s.config.Node
	return messaging.New(c, messaging.Deps{
		Store: s.deps.Parcels, Post: s.deps.Post, Accounts: s.deps.Accounts, Locations: s.deps.Locations, Outdated: s.outdated, Flow: s.proxy.Reach,
		Via: s.via, Send: s.table, Panicked: s.panicked, Now: s.deps.Now, Log: s.log, Metrics: s.deps.Metrics,
	})
}

func (s *Server) runCourier(ctx context.Context) error {
	if s.courier == nil {
		return nil
	}
	return s.courier.Run(ctx)
}

// Deliver has the node look at what waits for an account: a message was accepted for it.
func (s *Server) Deliver(to account.ID) {
	if s.courier != nil {
		s.courier.Accepted(to)
	}
}

// delivers tells the courier that a phone is here.
func (s *Server) delivers(id account.ID) {
	if s.courier != nil {
		s.courier.Registered(id)
	}
}

// changed tells the courier and the tracer what the change stream says.
func (s *Server) changed(c account.Change) {
	s.tracer.changed(c)
	if s.courier != nil {
		s.courier.Changed(c)
	}
}

// message takes a MESSAGE in when both ends have messaging: it is kept until the callee's phone has it (RFC 3428
// section 7). Between other accounts it goes straight from phone to phone, and taken is false. Nobody reaches an account
// whose keys were revoked.
func (s *Server) message(ctx context.Context, t *tx.Server, found proxy.Call) (taken bool, err error) {
	switch {
	case t.Request().Method != gosip.MESSAGE:
		return false, nil
	case found.Callee.KeysRevoked():
		return true, refusedMessage(parcel.ToRecipient(found.Callee))
	case s.courier == nil || !found.Caller.Messaging || !found.Callee.Messaging:
		return false, nil
	}
	accepted, err := s.deps.Post.Accept(ctx, order(t.Request(), found))
	if err != nil {
		return true, refusedMessage(err)
	}
	s.send(t, 202, "Accepted", gosip.NewHeader(messaging.MessageID, string(accepted.ID)))
	s.courier.Accepted(accepted.To)
	return true, nil
}

// order is a MESSAGE as the post takes it.
func order(req *gosip.Request, found proxy.Call) parcel.Order {
	number, _ := account.ParseNumber(strings.Clone(found.Dialled)) // the callee was found by it
	o := parcel.Order{
		From: found.Caller, To: found.Callee, Dialled: number, Type: strings.Clone(header.First(req, "content-type")),
		Body: parcel.Body(req.Body()), Report: true, Private: proxy.Private(req), SenderID: ownID(req),
	}
	if seconds, err := strconv.Atoi(header.First(req, "expires")); err == nil && seconds > 0 {
		o.Keep = time.Duration(min(seconds, 1<<30)) * time.Second
	}
	return o
}

// ownID is the sender's own id of a message: the one it names, or what makes the request one of its kind, so that a
// repetition is known in any case.
func ownID(req *gosip.Request) string {
	for _, name := range []string{messaging.MessageID, messaging.SenderID} {
		if id := header.First(req, strings.ToLower(name)); id != "" {
			return strings.Clone(id)
		}
	}
	sum := sha256.Sum256([]byte(req.CallID().Value() + "\n" + strconv.FormatUint(uint64(req.CSeq().SeqNo), 10)))
	return "sip." + hex.EncodeToString(sum[:16])
}

// refusedMessage is a refusal of the post in SIP. The words go along as a Warning (RFC 3261 section 20.43).
func refusedMessage(err error) error {
	var r *parcel.Refusal
	switch {
	case errors.Is(err, parcel.ErrFull):
		return reply.New(480, "Temporarily Unavailable", warning(err.Error()), reply.RetryAfter())
	case !errors.As(err, &r):
		return err // a state, or the store
	}
	code, phrase := 403, "Forbidden"
	var more []gosip.Header
	switch {
	case r.Status == parcel.InvalidRecipient:
		code, phrase = 480, "Temporarily Unavailable" // as any request to an account that is not in service
	case r.Status == parcel.InvalidPayload && r.Code == "too_large":
		code, phrase = 413, "Request Entity Too Large"
	case r.Status == parcel.InvalidPayload:
		code, phrase = 400, "Bad Message"
	case r.Retry > 0:
		code, phrase = 480, "Temporarily Unavailable"
		more = append(more, gosip.NewHeader("Retry-After", strconv.Itoa(int(r.Retry/time.Second)+1)))
	}
	return reply.New(code, phrase, append(more, warning(r.Detail))...)
}

func warning(text string) gosip.Header {
	return gosip.NewHeader("Warning", `399 sipward "`+strings.ReplaceAll(text, `"`, "'")+`"`)
}
