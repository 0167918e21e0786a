package turn

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	pion "github.com/pion/turn/v5"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"sipward/internal/egress"
)

const (
	sweepEvery   = 30 * time.Second
	lookUpTime   = 200 * time.Millisecond // a reader waits so long, and with it everybody on its socket
	vetted       = 256                    // allocations that wait for a second look
	usualRate    = 2000
	usualAccount = 10
)

// Config of a TURN server.
type Config struct {
	UDP, TCP, TLS []string       // addresses to listen on
	Realm         string         // of the credentials
	Address       netip.Addr     // IPv4; what relayed candidates name
	Ports         Range          // of relayed addresses
	Media         Range          // of the media relay, which may be a peer
	Allow         []netip.Prefix // private networks that may be peers
	PerAccount    int            // allocations of one account at a time; 10
	Rate          rate.Limit     // packets a second, direction and allocation; 2,000
}

func (c Config) burst() int { return max(1, int(c.Rate)/10) }

// Deps of a TURN server.
type Deps struct {
	Key      []byte                                                  // under which credentials are issued
	Active   func(ctx context.Context, account string) (bool, error) // whether it is in service; may come from a cache
	Truth    func(ctx context.Context, account string) (bool, error) // the same, from the store
	ServeTLS *tls.Config                                             // for Config.TLS
	Now      func() time.Time
	Log      *slog.Logger
	Metrics  prometheus.Registerer // nil is allowed
}

// Server is a TURN server. It is safe for concurrent use.
type Server struct {
	config  Config
	deps    Deps
	metrics *metrics
	peers   *peers
	packets []net.PacketConn // set by Listen
	streams []*streams       // set by Listen
	vet     chan string      // accounts that have just got an allocation; never closed

	mu   sync.Mutex // guards held
	held map[string]map[*relayed]struct{}
}

// New makes a server that listens nowhere yet.
func New(c Config, d Deps) (*Server, error) {
	if !c.Address.Is4() {
		return nil, errors.New("media.turn: set media.address to the IPv4 address at which phones reach this machine: relayed candidates name it")
	}
	if c.PerAccount <= 0 {
		c.PerAccount = usualAccount
	}
	if c.Rate <= 0 {
		c.Rate = usualRate
	}
	s := &Server{config: c, deps: d, metrics: newMetrics(d.Metrics), vet: make(chan string, vetted), held: map[string]map[*relayed]struct{}{}}
	s.peers = &peers{open: egress.Config{Allow: c.Allow}, address: c.Address, ports: []Range{c.Ports, c.Media}}
	s.peers.look()
	return s, nil
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	c := pion.ServerConfig{
		Realm: s.config.Realm, LoggerFactory: logs{s.deps.Log}, AuthHandler: s.authenticate, StrictAddressFamily: true,
		QuotaHandler: func(account, _ string, _ net.Addr) bool { return s.quota(ctx, account) },
		EventHandler: pion.EventHandler{OnAuth: s.authenticated},
	}
	for _, p := range s.packets {
		c.PacketConnConfigs = append(c.PacketConnConfigs, pion.PacketConnConfig{PacketConn: p, RelayAddressGenerator: s, PermissionHandler: s.permit})
	}
	for _, l := range s.streams {
		c.ListenerConfigs = append(c.ListenerConfigs, pion.ListenerConfig{Listener: l, RelayAddressGenerator: s, PermissionHandler: s.permit})
	}
	server, err := pion.NewServer(c)
	if err != nil {
		s.Close()
		return err
	}
	s.watch(ctx)
	err = server.Close()
	s.endAll()
	return err
}

// authenticate gives the key that a user name's password makes; whether the password is right is pion's to see.
func (s *Server) authenticate(r *pion.RequestAttributes) (account string, key []byte, ok bool) {
	account, ok = owner(r.Username, s.deps.Now())
	if !ok || r.Realm != s.config.Realm {
		s.metrics.refused("credential")
		return "", nil, false
	}
	return account, pion.GenerateAuthKey(r.Username, r.Realm, password(s.deps.Key, r.Username)), true
}

// authenticated counts wrong passwords.
func (s *Server) authenticated(_, _ net.Addr, _, _, _, _ string, right bool) {
	if !right {
		s.metrics.refused("credential")
	}
}

// quota decides about one more allocation of an account.
func (s *Server) quota(ctx context.Context, account string) bool {
	ctx, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	if active, err := s.deps.Active(ctx, account); err != nil || !active {
		s.metrics.refused("account")
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.held[account]) >= s.config.PerAccount {
		s.metrics.refused("quota")
		return false
	}
	return true
}

// permit decides about a peer.
func (s *Server) permit(_ net.Addr, peer net.IP) bool {
	a, ok := netip.AddrFromSlice(peer)
	if !ok || !s.peers.host(a) {
		s.metrics.refused("peer")
		return false
	}
	return true
}
