package outbox

import (
	"context"
	"errors"
	"strings"

	"sipward/internal/message"
)

// errNothingNew ends an update that would change nothing.
var errNothingNew = errors.New("nothing new")

// Receipt takes what a gateway says of a message; ids are the forms its id may have had when the message was accepted,
// the likeliest first. One that comes before its message was recorded is kept for an hour.
func (o *Outbox) Receipt(ctx context.Context, driver string, ids []string, r message.Receipt) error {
	if len(ids) == 0 || r.Status.Rank() < 0 {
		return nil
	}
	found, err := o.apply(ctx, driver, ids, r)
	if err != nil || found {
		return err
	}
	for _, id := range ids {
		if err := o.Store.PutEarly(ctx, driver, id, r); err != nil {
			return err
		}
	}
	_, err = o.apply(ctx, driver, ids, r) // recorded between the first look and the note: whoever comes second sees the other
	return err
}

// catchUp applies the receipts that were faster than the answer to their submission.
func (o *Outbox) catchUp(ctx context.Context, driver string, ids []string) {
	for _, id := range ids {
		early, err := o.Store.Early(ctx, driver, id)
		for _, r := range early {
			if err == nil {
				_, err = o.apply(ctx, driver, []string{id}, r)
			}
		}
		if err != nil {
			o.Log.WarnContext(ctx, "outbox: an early receipt is lost", "driver", driver, "err", err)
		}
	}
}

// apply records a receipt with the message it speaks of: the first one, among those known by the ids, that went to whom
// the receipt names.
func (o *Outbox) apply(ctx context.Context, driver string, ids []string, r message.Receipt) (found bool, err error) {
	refs, err := o.Store.ByRef(ctx, driver, ids...)
	if err != nil {
		return false, err
	}
	for _, ref := range refs {
		m, err := o.Store.ByID(ctx, ref.ID)
		if errors.Is(err, message.ErrNotFound) || err == nil && !sameNumber(m.To, r.To) {
			continue
		}
		if err != nil {
			return false, err
		}
		m, err = o.Store.Update(ctx, ref.ID, func(m *message.Message) error {
			if !m.Receive(ref.Part, r.Status, r.Detail, o.Now().UTC()) {
				return errNothingNew
			}
			return nil
		})
		switch {
		case err == nil:
			o.changed(ctx, m)
		case !errors.Is(err, errNothingNew):
			return false, err
		}
		return true, nil
	}
	return false, nil
}

// sameNumber compares as gateways write numbers: with or without + or 00. A receipt that names nobody matches.
func sameNumber(to, named string) bool {
	digits := func(s string) string { return strings.TrimLeft(strings.TrimPrefix(s, "+"), "0") }
	return named == "" || digits(to) == digits(named)
}
