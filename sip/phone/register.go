package phone

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// registration is guarded by Phone.mu.
type registration struct {
	callID, tag string
	seq         uint32
	refreshing  bool
	contact     string        // our own Contact in the 200, with what the server added
	granted     time.Duration // what the server gave last; 0: not registered
}

// Register makes our binding, or refreshes it, and keeps it fresh until Unregister or Close unless Config.NoRefresh.
func (p *Phone) Register(ctx context.Context) error {
	r, err := p.register(ctx, p.cfg.Expires, false)
	if err != nil {
		return err
	}
	granted := p.granted(r)
	p.mu.Lock()
	p.reg.granted, p.reg.contact = granted, p.own(r)
	begin := !p.cfg.NoRefresh && !p.reg.refreshing
	p.reg.refreshing = p.reg.refreshing || begin
	p.mu.Unlock()
	if begin {
		p.spawn(p.refresh)
	}
	return nil
}

// Granted is how long the binding was granted for at the last registration; 0 when there is none.
func (p *Phone) Granted() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reg.granted
}

// Unregister takes our binding away.
func (p *Phone) Unregister(ctx context.Context) error {
	_, err := p.register(ctx, 0, false)
	return p.unregistered(err)
}

// UnregisterAll takes every binding of our account away (Contact: *, RFC 3261 section 10.2.2).
func (p *Phone) UnregisterAll(ctx context.Context) error {
	_, err := p.register(ctx, 0, true)
	return p.unregistered(err)
}

func (p *Phone) unregistered(err error) error {
	if err == nil {
		p.mu.Lock()
		p.reg.granted = 0
		p.mu.Unlock()
	}
	return err
}

// Bindings asks for the bindings of our account without changing them and returns the Contact values.
func (p *Phone) Bindings(ctx context.Context) ([]string, error) {
	f, err := p.server(ctx)
	if err != nil {
		return nil, err
	}
	r, err := p.do(ctx, f, p.registerDraft(nil))
	if err != nil {
		return nil, err
	}
	if r.StatusCode != 200 {
		return nil, refused("registration", r)
	}
	return list(Headers(r, "Contact")), nil
}

func (p *Phone) register(ctx context.Context, expires time.Duration, all bool) (*gosip.Response, error) {
	f, err := p.server(ctx)
	if err != nil {
		return nil, err
	}
	for try := 0; ; try++ {
		contact := p.binding(f, all)
		r, err := p.do(ctx, f, p.registerDraft([]field{
			{"Contact", contact}, {"Expires", strconv.Itoa(int(expires.Seconds()))}, {"Supported", "path, outbound, gruu"},
		}))
		var no *Refused
		if errors.As(err, &no) {
			no.What = "registration"
		}
		switch {
		case err != nil:
			return nil, err
		case r.StatusCode == 200:
			return r, nil
		case r.StatusCode == 423 && try == 0: // RFC 3261 section 10.2.8
			n, _ := strconv.Atoi(Header(r, "Min-Expires"))
			if expires = time.Duration(n) * time.Second; n > 0 {
				continue
			}
		}
		return nil, refused("registration", r)
	}
}

// binding is our Contact: with instance and reg-id (RFC 5626 section 4.2) unless that is switched off.
func (p *Phone) binding(f *flow, all bool) string {
	switch {
	case all:
		return "*"
	case p.cfg.RegID < 0:
		return "<" + f.contact(p.cfg.User, false) + ">"
	}
	return fmt.Sprintf(`<%s>;+sip.instance="<%s>";reg-id=%d`, f.contact(p.cfg.User, true), p.cfg.Instance, p.cfg.RegID)
}

func (p *Phone) registerDraft(more []field) draft {
	return draft{
		method: "REGISTER", uri: "sip:" + p.cfg.Domain,
		seq: func() uint32 { // one Call-ID and a rising CSeq for all registrations (RFC 3261 section 10.2.4)
			p.mu.Lock()
			defer p.mu.Unlock()
			p.reg.seq++
			return p.reg.seq
		},
		fields: append([]field{{"From", "<" + p.self() + ">;tag=" + p.reg.tag}, {"To", "<" + p.self() + ">"},
			{"Call-ID", p.reg.callID}, allow}, more...),
	}
}

// own is our Contact among those that the 200 names; "" when it is not there.
func (p *Phone) own(r *gosip.Response) string {
	for _, c := range list(Headers(r, "Contact")) {
		if instance, _ := parameter(c, "+sip.instance"); instance == "<"+p.cfg.Instance+">" {
			return c
		}
	}
	return ""
}

// GRUU is the GRUU of a kind, "pub-gruu" or "temp-gruu", that the server gave at the last registration; "" when it gave
// none.
func (p *Phone) GRUU(kind string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	uri, _ := parameter(p.reg.contact, kind)
	return uri
}

// contact is our Contact in calls over a flow.
func (p *Phone) contact(f *flow) field {
	if uri := p.GRUU(p.cfg.GRUU); p.cfg.GRUU != "" && uri != "" {
		return field{"Contact", "<" + uri + ">"}
	}
	return field{"Contact", "<" + f.contact(p.cfg.User, p.cfg.RegID > 0) + ">"}
}

// granted reads how long our own contact lives from the 200 (RFC 3261 section 10.2.4).
func (p *Phone) granted(r *gosip.Response) time.Duration {
	contacts := list(Headers(r, "Contact"))
	for _, c := range contacts {
		instance, _ := parameter(c, "+sip.instance")
		if len(contacts) > 1 && p.cfg.RegID > 0 && instance != "<"+p.cfg.Instance+">" {
			continue
		}
		if v, ok := parameter(c, "expires"); ok {
			if n, err := strconv.Atoi(v); err == nil {
				return time.Duration(n) * time.Second
			}
		}
	}
	if n, err := strconv.Atoi(Header(r, "Expires")); err == nil {
		return time.Duration(n) * time.Second
	}
	return p.cfg.Expires
}

// refresh registers again at half the time granted, sooner after a failure, until the phone closes.
func (p *Phone) refresh() {
	for {
		wait := p.Granted() / 2
		if wait <= 0 {
			wait = p.cfg.Expires / 2 // unregistered for now
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-p.life.Done():
			timer.Stop()
			return
		}
		if p.Granted() == 0 {
			continue
		}
		ctx, cancel := context.WithTimeout(p.life, 32*time.Second)
		r, err := p.register(ctx, p.cfg.Expires, false)
		cancel()
		granted := 20 * time.Second // RFC 5626 section 4.5 waits 30 s at first; half of this is tried
		if err == nil {
			granted = p.granted(r)
		}
		p.mu.Lock()
		if p.reg.granted != 0 { // nobody unregistered meanwhile
			p.reg.granted = granted
		}
		p.mu.Unlock()
	}
}
