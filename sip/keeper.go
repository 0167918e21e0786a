package sip

import (
	"context"
	"strings"
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/sip/header"
	"sipward/sip/transport"
)

const (
	keepAliveEvery = 180 * time.Second
	keepAliveMiss  = 2 // unanswered pings that end a flow
)

// keeper sends OPTIONS over the flows of accounts that want a keep-alive from the server: it keeps middleboxes from
// forgetting the flow, and finds out about phones that are gone.
type keeper struct {
	server *Server

	mu    sync.Mutex // guards flows
	flows map[transport.ID]*kept
}

type kept struct {
	flow   *transport.Flow
	target gosip.Uri
	due    time.Time
	misses int
}

func newKeeper(s *Server) *keeper { return &keeper{server: s, flows: map[transport.ID]*kept{}} }

// watch begins, or goes on, to keep the flow of a registration alive; a phone that unregistered is left alone.
func (k *keeper) watch(a account.Account, f *transport.Flow, req *gosip.Request) {
	if !a.KeepAlive {
		return
	}
	contacts := header.Values(req, "contact")
	if len(contacts) == 0 {
		return
	}
	c, err := header.ParseAddress(contacts[0])
	if err != nil || leaving(req, contacts) {
		k.forget(f)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.flows[f.ID()] = &kept{flow: f, target: c.URI, due: k.server.deps.Now().Add(keepAliveEvery)}
}

func (k *keeper) forget(f *transport.Flow) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.flows, f.ID())
}

func (k *keeper) run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for _, p := range k.take() {
				k.ping(p)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// take returns the flows that are due and sets their next time.
func (k *keeper) take() []*kept {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.server.deps.Now()
	var due []*kept
	for id, p := range k.flows {
		switch {
		case !p.flow.Alive():
			delete(k.flows, id)
		case !now.Before(p.due):
			p.due = now.Add(keepAliveEvery)
			due = append(due, p)
		}
	}
	return due
}

// ping sends one OPTIONS; any answer counts.
func (k *keeper) ping(p *kept) {
	if _, err := k.server.table.Request(p.flow, k.options(p), func(res *gosip.Response, err error) { k.answered(p, err) }); err != nil {
		k.answered(p, err)
	}
}

func (k *keeper) answered(p *kept, err error) {
	k.mu.Lock()
	if err == nil {
		p.misses = 0
	} else {
		p.misses++
	}
	gone := p.misses >= keepAliveMiss
	k.mu.Unlock()
	if gone {
		k.forget(p.flow)
		k.server.registrar.Closed(p.flow)
		_ = p.flow.Close() // it does not answer any more
	}
}

func (k *keeper) options(p *kept) *gosip.Request {
	r := gosip.NewRequest(gosip.OPTIONS, p.target)
	domain := gosip.Uri{Scheme: "sip", Host: k.server.config.Domain}
	id, hops := gosip.CallIDHeader(gosip.GenerateTagN(16)), gosip.MaxForwardsHeader(70)
	r.AppendHeader(k.server.via(p.flow))
	r.AppendHeader(&hops)
	r.AppendHeader(&gosip.FromHeader{Address: domain, Params: gosip.HeaderParams{{K: "tag", V: strings.ToLower(gosip.GenerateTagN(8))}}})
	r.AppendHeader(&gosip.ToHeader{Address: p.target})
	r.AppendHeader(&id)
	r.AppendHeader(&gosip.CSeqHeader{SeqNo: 1, MethodName: gosip.OPTIONS})
	r.SetBody(nil)
	return r
}
