package turn

import (
	"context"
	"time"
)

// keep enters an allocation, unless its account has as many as it may. Whoever took the account out of service meanwhile
// has not seen it, so it is looked at once more.
func (s *Server) keep(r *relayed) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.held[r.account]
	if len(of) >= s.config.PerAccount {
		return false
	}
	if of == nil {
		of = map[*relayed]struct{}{}
		s.held[r.account] = of
	}
	of[r] = struct{}{}
	s.metrics.allocations.Inc()
	select {
	case s.vet <- r.account:
	default: // the sweep will
	}
	return true
}

func (s *Server) drop(r *relayed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.held[r.account]
	delete(of, r)
	if len(of) == 0 {
		delete(s.held, r.account)
	}
	s.metrics.allocations.Dec()
}

// Len is the number of allocations.
func (s *Server) Len() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, of := range s.held {
		n += len(of)
	}
	return n
}

// End ends the allocations of an account that went out of service.
func (s *Server) End(account string) {
	for _, r := range s.of(account) {
		s.metrics.ended.Inc()
		_ = r.Close() // a socket that is closed already is what is wanted
	}
}

func (s *Server) of(account string) (list []*relayed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.held[account] {
		list = append(list, r)
	}
	return list
}

func (s *Server) accounts() (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for account := range s.held {
		list = append(list, account)
	}
	return list
}

func (s *Server) endAll() {
	for _, account := range s.accounts() {
		for _, r := range s.of(account) {
			_ = r.Close()
		}
	}
}

// watch looks at the truth about the accounts that hold allocations, until ctx ends.
func (s *Server) watch(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case account := <-s.vet:
			s.look(ctx, account)
		case <-tick.C:
			s.peers.look()
			s.Sweep(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// Sweep ends the allocations of every account that is out of service.
func (s *Server) Sweep(ctx context.Context) {
	for _, account := range s.accounts() {
		s.look(ctx, account)
	}
}

// look ends the allocations of an account that is out of service; what cannot be read stays as it is.
func (s *Server) look(ctx context.Context, account string) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	active, err := s.deps.Truth(ctx, account)
	switch {
	case err != nil && ctx.Err() == nil:
		s.deps.Log.Warn("account of an allocation not readable, it goes on until it is", "account", account, "err", err)
	case err == nil && !active:
		s.End(account)
	}
}
