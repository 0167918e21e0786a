package phone

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// Refused is a final response that is not the one wished for.
type Refused struct {
	What   string // registration, call, message …
	Code   int
	Phrase string
	Reason string // the Reason header (RFC 3326), if any
	Detail string // what we know beyond it
}

// Error is one clear line.
func (e *Refused) Error() string {
	s := fmt.Sprintf("%s refused: %d %s", e.What, e.Code, e.Phrase)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Reason != "" {
		s += " (" + e.Reason + ")"
	}
	return s
}

func refused(what string, r *gosip.Response) *Refused {
	return &Refused{What: what, Code: r.StatusCode, Phrase: r.Reason, Reason: Header(r, "Reason")}
}

// draft is a request that may have to be sent more than once: with another CSeq, and credentials.
type draft struct {
	method, uri string
	fields      []field // without Via, Max-Forwards, CSeq, credentials
	kind        string  // content type
	body        []byte
	seq         func() uint32 // the next CSeq number
}

// build makes the message of one attempt; answered tells whether it carries credentials.
func (p *Phone) build(d draft) (m *message, answered bool) {
	m = &message{first: d.method + " " + d.uri + " SIP/2.0"}
	m.addAll([]field{{"Max-Forwards", "70"}})
	m.addAll(d.fields)
	m.add("CSeq", strconv.FormatUint(uint64(d.seq()), 10)+" "+d.method)
	m.add("User-Agent", p.cfg.UserAgent)
	answered = p.authorise(m, d.method, d.uri)
	m.content(d.kind, d.body)
	return m, answered
}

// do sends a request that is not INVITE and waits for its final response, answering challenges on the way.
func (p *Phone) do(ctx context.Context, f *flow, d draft) (*gosip.Response, error) {
	tries := 0
	for {
		m, answered := p.build(d)
		tx, err := p.start(f, d.method, m)
		if err != nil {
			return nil, err
		}
		r, err := tx.final(ctx)
		tx.close()
		if err != nil {
			return nil, err
		}
		tries++
		if !challenged(r) || tries > 3 {
			return r, nil
		}
		if err := p.learn(r, answered && tries > 1); err != nil {
			e := refused(strings.ToLower(d.method), r)
			e.Detail = err.Error()
			return r, e
		}
	}
}

func challenged(r *gosip.Response) bool { return r.StatusCode == 401 || r.StatusCode == 407 }

func (tx *clientTx) final(ctx context.Context) (*gosip.Response, error) {
	for {
		r, err := tx.next(ctx)
		if err != nil || r.StatusCode >= 200 {
			return r, err
		}
	}
}

// Request sends a request outside of any dialog to a number, address or URI, and returns its final response, whatever it
// is. fields are extra header lines, "Name: value".
func (p *Phone) Request(ctx context.Context, method, target, kind string, body []byte, fields ...string) (*gosip.Response, error) {
	f, err := p.server(ctx)
	if err != nil {
		return nil, err
	}
	uri := p.target(target)
	return p.do(ctx, f, draft{
		method: method, uri: uri, kind: kind, body: body, seq: counter(1),
		fields: append([]field{
			{"From", p.from() + ";tag=" + random()}, {"To", "<" + uri + ">"}, {"Call-ID", random() + "@" + p.cfg.Domain},
			{"Contact", "<" + f.contact(p.cfg.User, false) + ">"},
		}, lines(fields)...),
	})
}

// Options asks a number, or the server with an empty target, what it can do.
func (p *Phone) Options(ctx context.Context, target string) (*gosip.Response, error) {
	if target == "" {
		target = "sip:" + p.cfg.Domain
	}
	return p.Request(ctx, "OPTIONS", target, "", nil, "Accept: application/sdp")
}

func counter(first uint32) func() uint32 {
	n := first - 1
	return func() uint32 { n++; return n }
}

// lines makes fields of "Name: value" lines.
func lines(in []string) []field {
	out := make([]field, 0, len(in))
	for _, l := range in {
		name, value, _ := strings.Cut(l, ":")
		out = append(out, field{strings.TrimSpace(name), strings.TrimSpace(value)})
	}
	return out
}
