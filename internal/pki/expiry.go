package pki

import (
	"context"
	"log/slog"
	"time"
)

// When the log speaks of a certificate's end, and how often it repeats itself.
const (
	soon        = 14 * 24 * time.Hour
	urgent      = 3 * 24 * time.Hour
	remindEvery = 24 * time.Hour
)

// watch says when the certificate in use is about to end: a warning from 14 days on, an error from 3 days on and after
// its end, once a day each. Phones that check it stay away after that, the server does not.
func (p *Pair) watch(ctx context.Context, now time.Time) {
	level, text := urgency(p.Leaf().NotAfter.Sub(now))
	if text == "" || level == p.told && now.Sub(p.toldAt) < remindEvery {
		return
	}
	p.told, p.toldAt = level, now
	p.log.Log(ctx, level, text, "file", p.cert, "not_after", p.Leaf().NotAfter)
}

func urgency(left time.Duration) (slog.Level, string) {
	switch {
	case left <= 0:
		return slog.LevelError, "the certificate has expired, phones will not connect: renew it, it is loaded without a restart"
	case left < urgent:
		return slog.LevelError, "the certificate expires within 3 days: renew it, it is loaded without a restart"
	case left < soon:
		return slog.LevelWarn, "the certificate expires within 14 days: renew it, it is loaded without a restart"
	}
	return 0, ""
}
