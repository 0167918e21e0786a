package licenceproxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/sony/gobreaker/v2"

	"sipward/internal/licence"
)

// keep verifies what the vendor said and writes it.
func (p *Proxy) keep(ctx context.Context, k key, asked string, s *slot, r reply) error {
	var doc licence.Document
	if r.raw != nil {
		var err error
		if doc, err = p.accept(k, r.raw); err != nil {
			return err
		}
	}
	now := p.Now().UTC()
	return p.Licences.Update(ctx, k.account, k.product, func(e *licence.Entry) error {
		switch {
		case r.refused:
			*e = licence.Entry{Serial: e.Serial, Confirmed: now}
		case r.unchanged:
			return p.confirm(k, e, asked, now)
		case doc.Serial < max(e.Serial, s.serial.Load()):
			return fmt.Errorf("the vendor's document %w (serial %d)", licence.ErrSerial, doc.Serial)
		default:
			*e = licence.Entry{Raw: string(r.raw), ETag: r.etag, Serial: doc.Serial, Expires: doc.Expires, Confirmed: now}
		}
		return nil
	})
}

// confirm is a 304: it counts only for a document that verifies and is valid.
func (p *Proxy) confirm(k key, e *licence.Entry, asked string, now time.Time) error {
	if asked == "" || e.ETag != asked {
		return errors.New("the vendor confirmed a document that we do not have")
	}
	if _, err := p.accept(k, []byte(e.Raw)); err != nil {
		return err
	}
	e.Confirmed = now
	return nil
}

// accept verifies a document that is valid now.
func (p *Proxy) accept(k key, raw []byte) (licence.Document, error) {
	doc, err := p.verify(k, raw)
	if err == nil {
		err = doc.At(p.Now())
	}
	if err != nil {
		return doc, fmt.Errorf("the document %w", err)
	}
	return doc, nil
}

// failed keeps everybody from asking again for a while; the cause goes to the log, once a second.
func (p *Proxy) failed(ctx context.Context, k key, s *slot, cause error) error {
	wait := pauseTime*9/10 + rand.N(pauseTime/5)
	var busy *busyError
	if errors.As(cause, &busy) && busy.wait > wait {
		wait = busy.wait
	}
	until := p.Now().Add(wait)
	s.pause(until)
	p.metrics.fetches.WithLabelValues(reason(cause)).Inc()
	p.lines.Log(ctx, p.Log, slog.LevelWarn, "vendor", "licence: the vendor did not give a document",
		slog.String("account", string(k.account)), slog.String("product", k.product), slog.Any("err", cause), slog.Duration("pause", wait))
	return errors.Join(cause, p.Licences.Pause(ctx, k.account, k.product, until))
}

// reason is the label of a failure.
func reason(err error) string {
	var busy *busyError
	is := func(target error) bool { return errors.Is(err, target) }
	switch {
	case is(gobreaker.ErrOpenState), is(gobreaker.ErrTooManyRequests):
		return "breaker"
	case errors.As(err, &busy):
		return "busy"
	case is(licence.ErrForm), is(licence.ErrSignature), is(licence.ErrForeign):
		return "invalid"
	case is(licence.ErrEarly), is(licence.ErrEnded):
		return "clock"
	case is(licence.ErrSerial):
		return "serial"
	case is(context.DeadlineExceeded):
		return "timeout"
	}
	return "failed"
}
