package redis

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// maxFollowers bounds the connections that block in XREAD.
const maxFollowers = 64

// options are go-redis's, with nothing hidden: no retries, no waiting beyond the timeout.
func (t target) options(timeout time.Duration, pool int) *redis.UniversalOptions {
	return &redis.UniversalOptions{
		Addrs: t.hosts, MasterName: t.master, IsClusterMode: t.mode == cluster,
		Username: t.user, Password: t.password,
		SentinelUsername: t.sentinelUser, SentinelPassword: t.sentinelPassword,
		TLSConfig: t.tls,
		Protocol:  2, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		MaxRetries:               -1, DialerRetries: 1, MaxRedirects: 3,
		ContextTimeoutEnabled: true,
		DialTimeout:           timeout, ReadTimeout: timeout, WriteTimeout: timeout, PoolTimeout: timeout,
		PoolSize: pool, PipelinePoolSize: -1,
	}
}

// quiet is the logger of go-redis, which is one for the process and writes thousands of lines in an outage. What it has
// to say we say ourselves, by class; its words are kept at debug, one a second.
type quiet struct {
	log *slog.Logger

	mu   sync.Mutex
	last time.Time
}

// Printf implements go-redis's logger.
func (q *quiet) Printf(ctx context.Context, format string, v ...any) {
	if !q.log.Enabled(ctx, slog.LevelDebug) || !q.due() {
		return
	}
	q.log.DebugContext(ctx, "go-redis: "+fmt.Sprintf(format, v...))
}

func (q *quiet) due() bool {
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if now.Sub(q.last) < time.Second {
		return false
	}
	q.last = now
	return true
}
