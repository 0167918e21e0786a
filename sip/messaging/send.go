package messaging

import (
	"context"
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/location"
	"sipward/internal/parcel"
	"sipward/sip/header"
	"sipward/sip/transport"
	"sipward/sip/tx"
)

// MessageID and SenderID name the header fields of a message towards its recipient: our id, by which a phone tells a
// repetition, and the sender's own. A phone that sends may name its own id, too.
const (
	MessageID = "Sipward-Message-Id"
	SenderID  = "Sipward-Sender-Id"
)

// target is a phone.
type target struct {
	flow    *transport.Flow
	uri     gosip.Uri
	binding location.Binding
}

func (c *Courier) target(b location.Binding) (t target, ok bool) {
	t = target{binding: b, flow: c.deps.Flow(b)}
	return t, t.flow != nil && gosip.ParseUri(b.URI, &t.uri) == nil
}

// answer is what one phone said; code 0: nothing, or not in time.
type answer struct{ code int }

// attempt sends a message to all of the recipient's phones and waits until one has confirmed it or all have answered.
func (c *Courier) attempt(ctx context.Context, p parcel.Parcel, body parcel.Body, targets []target) (parcel.Status, string) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Answer)
	defer cancel()
	answers := make(chan answer, len(targets)) // one each
	var asked []*tx.Client
	defer func() {
		for _, a := range asked {
			a.Stop()
		}
	}()
	for _, t := range targets {
		client, err := c.deps.Send.Request(t.flow, c.request(p, body, t), func(res *gosip.Response, err error) {
			if err == nil && res.IsProvisional() {
				return
			}
			a := answer{}
			if err == nil {
				a.code = res.StatusCode
			}
			select {
			case answers <- a:
			default: // it was answered before
			}
		})
		if err != nil {
			answers <- answer{}
			continue
		}
		asked = append(asked, client)
	}
	return c.judge(ctx, answers, len(targets))
}

// judge makes a status of the phones' answers.
func (c *Courier) judge(ctx context.Context, answers <-chan answer, n int) (parcel.Status, string) {
	end, why, waits := parcel.Status(""), "", false
	for range n {
		var a answer
		select {
		case a = <-answers:
		case <-ctx.Done():
			c.metrics.attempts.WithLabelValues("silence").Inc()
			return "", ""
		}
		switch s := statusOf(a.code); {
		case s == parcel.Delivered:
			c.metrics.attempts.WithLabelValues("confirmed").Inc()
			return s, ""
		case s == "":
			waits = true
		default:
			end, why = s, "the phone answered "+strconv.Itoa(a.code)
		}
	}
	if waits { // one of the phones may take it later
		end, why = "", ""
	}
	c.metrics.attempts.WithLabelValues("refused").Inc()
	return end, why
}

// statusOf is what an answer means for the message; "": try again.
func statusOf(code int) parcel.Status {
	switch {
	case code >= 200 && code < 300:
		return parcel.Delivered
	case code == 405, code == 415, code == 488, code == 501, code == 606:
		return parcel.InvalidDevice
	case code == 413, code == 513:
		return parcel.InvalidPayload
	}
	return ""
}

// request is the MESSAGE as one phone gets it. Date is when the message was accepted and Expires what is left of its time
// (RFC 3428 section 4).
func (c *Courier) request(p parcel.Parcel, body parcel.Body, t target) *gosip.Request {
	r := gosip.NewRequest(gosip.MESSAGE, t.uri)
	id, hops := gosip.CallIDHeader(gosip.GenerateTagN(16)+"@"+c.config.Domain), gosip.MaxForwardsHeader(70)
	from := c.sender(p)
	from.Params = gosip.HeaderParams{{K: "tag", V: strings.ToLower(gosip.GenerateTagN(8))}}
	r.AppendHeader(c.deps.Via(t.flow))
	for _, h := range header.Routes(t.binding.Path) {
		r.AppendHeader(h)
	}
	r.AppendHeader(&hops)
	r.AppendHeader(from)
	r.AppendHeader(&gosip.ToHeader{Address: header.NumberURI(string(p.ToNumber), c.config.Domain)})
	r.AppendHeader(&id)
	r.AppendHeader(&gosip.CSeqHeader{SeqNo: 1, MethodName: gosip.MESSAGE})
	if p.From != "" && !p.Private {
		r.AppendHeader(gosip.NewHeader("P-Asserted-Identity", "<"+from.Address.String()+">"))
	}
	left := max(int(p.Expires.Sub(c.deps.Now())/time.Second), 1)
	for _, h := range [][2]string{
		{"Date", p.Accepted.UTC().Format("Mon, 02 Jan 2006 15:04:05") + " GMT"}, {"Expires", strconv.Itoa(left)},
		{MessageID, string(p.ID)}, {SenderID, p.SenderID}, {"Content-Type", p.Type},
	} {
		r.AppendHeader(gosip.NewHeader(h[0], h[1]))
	}
	r.SetBody(body)
	return r
}

// sender is From: the account's number and owner, as callees see its calls; the server itself for a report.
func (c *Courier) sender(p parcel.Parcel) *gosip.FromHeader {
	shown := header.Identity(p.FromName, string(p.FromNumber), c.config.Domain)
	switch {
	case p.Private:
		shown = header.Anonymous()
	case p.From == "":
		shown = header.Address{URI: gosip.Uri{Scheme: "sip", Host: c.config.Domain}}
	}
	return &gosip.FromHeader{DisplayName: shown.Name, Address: shown.URI}
}
