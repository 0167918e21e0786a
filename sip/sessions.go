package sip

import (
	"cmp"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/sip/header"
	"sipward/sip/transport"
)

// Sessions is told what happens on the ways of the phones to us: CONNECT, REGISTER, UNREGISTER, DISCONNECT. It must not
// block. An entry told again with the same id replaces the first: a CONNECT gets its account once the phone registers.
type Sessions interface{ Add(location.Session) }

// strangersPerSecond bounds the connections told of that nobody has registered over: a scan must not fill the log.
const strangersPerSecond = 20

// sessionLog follows connections and registrations. The zero account is nobody.
type sessionLog struct {
	to   Sessions // nil: nobody wants to know
	node string
	now  func() time.Time

	mu     sync.Mutex // guards what follows
	flows  map[transport.ID]*way
	second int64 // the one in which strangers were counted
	count  int
}

// way is one phone's way to us.
type way struct {
	common  location.Session // what its entries have in common
	connect location.Session // as told; the zero one was not
	bound   []bound          // by account: a gateway has thousands on one way
}

// bound is an account that is registered over a way.
type bound struct {
	id    account.ID
	until time.Time
}

func newSessionLog(to Sessions, node string, now func() time.Time) *sessionLog {
	return &sessionLog{to: to, node: node, now: now, flows: map[transport.ID]*way{}}
}

// opened notes a new connection.
func (l *sessionLog) opened(f *transport.Flow) {
	if l.to == nil {
		return
	}
	w := l.way(f)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flows[f.ID()] = w
	if l.strangerLocked() {
		w.connect = l.tell(w, location.Connect, "")
	}
}

// strangerLocked reports whether one more connection of nobody may be told.
func (l *sessionLog) strangerLocked() bool {
	if now := l.now().Unix(); now != l.second {
		l.second, l.count = now, 0
	}
	l.count++
	return l.count <= strangersPerSecond
}

func (l *sessionLog) way(f *transport.Flow) *way {
	w := &way{common: location.Session{
		Session: strings.ToLower(rand.Text()), Node: l.node, Network: string(f.Network()), Address: f.Remote().String(),
	}}
	if state := f.TLS(); state != nil {
		w.common.Cipher = tls.CipherSuiteName(state.CipherSuite)
	}
	return w
}

// tell tells one entry of a way.
func (l *sessionLog) tell(w *way, kind location.SessionKind, reason string) location.Session {
	e := w.common
	e.At, e.Kind, e.Reason = l.now().UTC(), kind, reason
	// The log is in the order of milliseconds, and of ids within one: a phone connects and registers in less.
	e.ID = strconv.FormatInt(e.At.UnixNano(), 32) + strings.ToLower(rand.Text()[:13])
	l.to.Add(e)
	return e
}

// registered notes an answered REGISTER of an account. Refreshes are not told.
func (l *sessionLog) registered(a account.Account, f *transport.Flow, req *gosip.Request, res *gosip.Response) {
	contacts := header.Values(req, "contact")
	if l.to == nil || len(contacts) == 0 {
		return
	}
	until := l.now().Add(granted(res) + time.Second)
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.flows[f.ID()]
	if w == nil { // a first packet over UDP
		w = l.way(f)
		l.flows[f.ID()] = w
	}
	i, known := w.index(a.ID)
	switch {
	case leaving(req, contacts) && known:
		w.drop(i)
		w.name(a, req)
		l.tell(w, location.Unregister, "by the phone")
	case leaving(req, contacts):
	case known:
		w.bound[i].until = until
	default:
		w.bound = slices.Insert(w.bound, i, bound{a.ID, until})
		w.name(a, req)
		l.attributeLocked(w)
		l.tell(w, location.Register, "")
	}
	l.settleLocked(f.ID(), w)
}

// renewed notes a refresh of an account that is registered over f already; false: it is not, and registered has the word.
func (l *sessionLog) renewed(id account.ID, f *transport.Flow, until time.Time) bool {
	if l.to == nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.flows[f.ID()]
	if w == nil {
		return false
	}
	i, known := w.index(id)
	if known {
		w.bound[i].until = until
	}
	return known
}

// attributeLocked gives the entry of the connection its account; one that was not told is told now.
func (l *sessionLog) attributeLocked(w *way) {
	if w.common.Network == string(transport.UDP) || w.connect.Account != "" {
		return
	}
	e := w.common
	e.ID, e.At, e.Kind = cmp.Or(w.connect.ID, strings.ToLower(rand.Text())), w.connect.At, location.Connect
	if e.At.IsZero() {
		e.At = l.now().UTC()
	}
	l.to.Add(e)
	w.connect = e
}

// name is whose way it is from now on. The strings of a message are not kept: they hold all of it.
func (w *way) name(a account.Account, req *gosip.Request) {
	w.common.Account, w.common.User, w.common.Number = a.ID, a.User, a.Number
	w.common.Agent = strings.Clone(header.First(req, "user-agent"))
}

// index finds an account: where it is, or where it belongs.
func (w *way) index(id account.ID) (int, bool) {
	return slices.BinarySearchFunc(w.bound, id, func(b bound, id account.ID) int { return cmp.Compare(b.id, id) })
}

func (w *way) drop(i int) { w.bound = append(w.bound[:i], w.bound[i+1:]...) }

// settleLocked forgets a UDP way nobody is registered over: no packet tells its end.
func (l *sessionLog) settleLocked(id transport.ID, w *way) {
	if len(w.bound) == 0 && w.common.Network == string(transport.UDP) {
		delete(l.flows, id)
	}
}

// closed notes the end of a connection.
func (l *sessionLog) closed(f *transport.Flow, err error) {
	if l.to == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.flows[f.ID()]
	if w == nil {
		return
	}
	delete(l.flows, f.ID())
	if w.connect.ID != "" {
		l.tell(w, location.Disconnect, why(err))
	}
}

// prune tells which registrations ran out.
func (l *sessionLog) prune() {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, w := range l.flows {
		for i := len(w.bound) - 1; i >= 0; i-- {
			if w.bound[i].until.Before(now) {
				w.drop(i)
				l.tell(w, location.Unregister, "expired")
			}
		}
		l.settleLocked(id, w)
	}
}

// leaving reports whether a REGISTER takes its bindings away (RFC 3261 section 10.2.2).
func leaving(req *gosip.Request, contacts []string) bool {
	c, err := header.ParseAddress(contacts[0])
	if contacts[0] == "*" || err != nil {
		return contacts[0] == "*"
	}
	expires, given := c.Param("expires")
	return expires == "0" || !given && header.First(req, "expires") == "0"
}

// granted is the longest time an answer to REGISTER grants.
func granted(res *gosip.Response) (longest time.Duration) {
	for _, v := range header.Values(res, "contact") {
		if c, err := header.ParseAddress(v); err == nil {
			text, _ := c.Param("expires")
			if n, err := strconv.Atoi(text); err == nil {
				longest = max(longest, time.Duration(n)*time.Second)
			}
		}
	}
	return longest
}

// why says for people why a connection ended.
func why(err error) string {
	var broken net.Error
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return "closed by the phone"
	case errors.As(err, &broken):
		return "network error"
	}
	return strings.TrimPrefix(err.Error(), "transport: ")
}
