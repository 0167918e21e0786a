package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/sony/gobreaker/v2"

	"sipward/internal/store/kv"
)

// The breaker opens when half of at least 20 calls within the last seconds failed, and tries one call each second.
const (
	breakerCalls  = 20
	breakerShare  = 0.5
	breakerWindow = 10 * time.Second
	breakerProbe  = time.Second
)

type breaker struct {
	*gobreaker.TwoStepCircuitBreaker[struct{}]
	alarms *alarms
	open   prometheus.Gauge
}

func newBreaker(a *alarms, m prometheus.Registerer) *breaker {
	b := &breaker{alarms: a, open: promauto.With(m).NewGauge(prometheus.GaugeOpts{
		Namespace: "sipward", Subsystem: "store", Name: "breaker_open",
		Help: "1 while Redis is not asked because too many calls failed.",
	})}
	b.TwoStepCircuitBreaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Interval:     breakerWindow,
		BucketPeriod: breakerWindow / 10,
		Timeout:      breakerProbe,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return c.Requests >= breakerCalls && float64(c.TotalFailures) >= breakerShare*float64(c.Requests)
		},
		OnStateChange: b.changed,
		IsSuccessful:  func(err error) bool { return !errors.Is(err, kv.ErrUnavailable) },
		IsExcluded:    func(err error) bool { return errors.Is(err, context.Canceled) },
	})
	return b
}

func (b *breaker) changed(_ string, _, to gobreaker.State) {
	switch to {
	case gobreaker.StateOpen:
		b.open.Set(1)
		b.alarms.raise(classBreaker, errors.New("the breaker is open"), "Redis is not asked for a second, too many calls failed")
	case gobreaker.StateClosed:
		b.open.Set(0)
		b.alarms.healed()
		b.alarms.log.Info("store: Redis answers again", "redis", b.alarms.target)
	case gobreaker.StateHalfOpen:
	}
}

// allow asks for leave; the function it returns must be told how the call went.
func (b *breaker) allow() (func(error), error) {
	done, err := b.Allow()
	if err != nil {
		b.alarms.total.WithLabelValues(classBreaker).Inc()
		return nil, fmt.Errorf("%w: %w", kv.ErrUnavailable, err)
	}
	return done, nil
}
