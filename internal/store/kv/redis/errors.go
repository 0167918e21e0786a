package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/redis/go-redis/v9"

	"sipward/internal/store/kv"
)

// class is a kind of failure: what an alarm is about, and what the operator does.
type class struct {
	name    string // of the error reply, and the metric's label
	refused bool   // nothing was written
	mend    string
}

// classes are the error replies that mean the same for every command, by their first word.
func classes() []class {
	return []class{
		{"READONLY", true, "redis.url points at a replica: point it at the primary, or use redis+sentinel://"},
		{"OOM", true, "Redis is out of memory: raise maxmemory; keep maxmemory-policy noeviction"},
		{"MISCONF", true, "Redis cannot write its files: free disk space where Redis keeps its data"},
		{"NOREPLICAS", true, "too few replicas are connected: start them, or lower min-replicas-to-write"},
		{"NOAUTH", true, "Redis wants a password: put user:password@ into redis.url"},
		{"WRONGPASS", true, "Redis refuses the user or password in redis.url: correct it"},
		{"NOPERM", true, "the ACL user of redis.url may not run a command sipward needs: see the operator's guide"},
		{"LOADING", false, "Redis is loading its data: wait"},
		{"BUSY", false, "a script of somebody else blocks Redis: SCRIPT KILL, and give sipward a Redis of its own"},
		{"MASTERDOWN", false, "this replica has lost its primary: mend the replication"},
		{"CLUSTERDOWN", false, "the cluster does not serve all slots: CLUSTER INFO tells which nodes are missing"},
		{"TRYAGAIN", false, "the cluster is moving slots: wait"},
	}
}

// The classes of what is no error reply.
const (
	classTimeout = "timeout"
	classNetwork = "network"
	classBreaker = "breaker"
	classOther   = "other"
)

// alarms classifies errors, counts them, and logs one line per class and interval.
type alarms struct {
	log     *slog.Logger
	classes []class
	total   *prometheus.CounterVec
	target  string

	mu   sync.Mutex
	last map[string]time.Time // of the line about a class
}

// alarmEvery is how often the same class is logged.
const alarmEvery = 30 * time.Second

func newAlarms(log *slog.Logger, target string, m prometheus.Registerer) *alarms {
	return &alarms{
		log: log, classes: classes(), target: target, last: map[string]time.Time{},
		total: promauto.With(m).NewCounterVec(prometheus.CounterOpts{
			Namespace: "sipward", Subsystem: "store", Name: "errors_total",
			Help: "Failed calls of Redis by class: an error reply's first word, timeout, network, breaker, other.",
		}, []string{"class"}),
	}
}

// wrap makes an error of go-redis one of the port's; redis.Nil and errors that already are pass.
func (a *alarms) wrap(err error) error {
	switch {
	case err == nil, errors.Is(err, redis.Nil), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, kv.ErrUnavailable), errors.Is(err, kv.ErrRefused):
		return err
	}
	var reply redis.Error
	if errors.As(err, &reply) {
		return a.wrapReply(reply)
	}
	name := classNetwork
	if t, ok := errors.AsType[net.Error](err); ok && t.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		name = classTimeout
	}
	a.raise(name, err, "Redis does not answer: start it, or correct redis.url")
	return fmt.Errorf("%w: %w", kv.ErrUnavailable, err)
}

func (a *alarms) wrapReply(reply redis.Error) error {
	text := reply.Error()
	for i := range a.classes {
		c := &a.classes[i]
		// before Redis 7 an error in a script is told behind "ERR Error running script … -OOM …"
		if !strings.HasPrefix(text, c.name+" ") && !strings.Contains(text, " -"+c.name+" ") {
			continue
		}
		a.raise(c.name, reply, c.mend)
		if c.refused {
			return fmt.Errorf("%w: %w: %s", kv.ErrRefused, reply, c.mend)
		}
		return fmt.Errorf("%w: %w: %s", kv.ErrUnavailable, reply, c.mend)
	}
	a.raise(classOther, reply, "see the error")
	return fmt.Errorf("%w: %w", kv.ErrUnavailable, reply)
}

// raise counts, and logs if this class was not logged lately.
func (a *alarms) raise(name string, err error, mend string) {
	a.total.WithLabelValues(name).Inc()
	if !a.due(name) {
		return
	}
	a.log.Error("store: "+mend, "class", name, "err", err, "redis", a.target)
}

func (a *alarms) due(name string) bool {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if last, ok := a.last[name]; ok && now.Sub(last) < alarmEvery {
		return false
	}
	a.last[name] = now
	return true
}

// healed tells the next failure of any class at once.
func (a *alarms) healed() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.last)
}
