package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"sipward/internal/account"
	"sipward/internal/operator"
	"sipward/internal/store/kv"
)

const (
	// sessionSlack is how much longer than its own time a session's record stays: time is judged by the stored one.
	sessionSlack = time.Minute
	// seenEvery is how often the use of a session is written down.
	seenEvery = time.Minute
)

func (r *Operators) session(hash string) kv.Key { return r.c.keys.orgKey("session:" + hash) }
func (r *Operators) setup(hash string) kv.Key   { return r.c.keys.orgKey("setup:" + hash) }

// SignIn starts a session; f judges and changes the operator in the same transaction. Of the operator's sessions at most
// the newest most go on. It returns the operator and the sessions that ended.
func (r *Operators) SignIn(ctx context.Context, s operator.Session, most int, f func(*operator.Operator) error) (o operator.Operator, ended []string, err error) {
	value, err := r.sessions.encode(&s, nil)
	if err != nil {
		return o, nil, err
	}
	put := kv.Put{Key: r.session(s.ID), Value: value, Expires: s.Until.Add(sessionSlack)}
	err = r.c.retry(ctx, account.ID("operator/"+s.Operator), func(bool) (err error) {
		o, err = r.update(ctx, s.Operator, kv.Txn{Puts: []kv.Put{put}}, func(o *operator.Operator) error {
			if err := f(o); err != nil {
				return err
			}
			all := append(o.Sessions, s.ID)
			drop := max(0, len(all)-max(most, 1))
			ended = slices.Clone(all[:drop])
			o.Sessions = all[drop:]
			o.Signed, o.From = s.Since, s.Source
			return nil
		})
		return err
	})
	return o, ended, err
}

// Session finds a living session by its hash, and whose it is; account.ErrNotFound when it has ended, or the operator may
// no longer sign in. Its use is written down once a minute, which is how it stays alive.
func (r *Operators) Session(ctx context.Context, hash string, idle time.Duration) (o operator.Operator, s operator.Session, err error) {
	if !plain(hash) {
		return o, s, account.ErrNotFound
	}
	rec, err := r.c.read(ctx, r.session(hash))
	if err != nil {
		return o, s, err
	}
	if rec.Version == 0 {
		return o, s, account.ErrNotFound
	}
	if s, err = r.sessions.decode(hash, rec.Value); err != nil {
		r.c.alarm(ctx, "misfit", r.session(hash), err)
		return o, s, account.ErrNotFound
	}
	now := r.c.now().UTC()
	if !s.Alive(now) {
		return o, s, account.ErrNotFound
	}
	if o, err = r.ByID(ctx, s.Operator); err != nil {
		return o, s, err
	}
	if o.Disabled || !slices.Contains(o.Sessions, hash) {
		return o, s, account.ErrNotFound
	}
	if now.Sub(s.Seen) >= seenEvery {
		s.Seen, s.Idle = now, now.Add(idle)
		r.seen(ctx, s, rec)
	}
	return o, s, nil
}

// seen writes the use down. A fault changes nothing for whoever asks: another request will write it.
func (r *Operators) seen(ctx context.Context, s operator.Session, rec kv.Record) {
	value, err := r.sessions.encode(&s, rec.Value)
	if err == nil {
		err = r.c.commit(ctx, kv.Txn{
			Tag: orgTag, Checks: []kv.Check{{Key: r.session(s.ID), Version: rec.Version}},
			Puts: []kv.Put{{Key: r.session(s.ID), Value: value, Expires: s.Until.Add(sessionSlack)}},
		})
	}
	if err != nil && !errors.Is(err, kv.ErrConflict) {
		r.c.log.WarnContext(ctx, "store: the use of a session was not written down", "err", err)
	}
}

// Sessions lists the operator's living sessions, the oldest first.
func (r *Operators) Sessions(ctx context.Context, id string) ([]operator.Session, error) {
	o, err := r.ByID(ctx, id)
	if err != nil {
		return nil, err
	}
	var list []operator.Session
	err = r.c.readMany(ctx, keysFor(o.Sessions, r.session), func(i int, rec kv.Record) error {
		if s, err := r.sessions.decode(o.Sessions[i], rec.Value); rec.Version != 0 && err == nil && s.Alive(r.c.now()) {
			list = append(list, s)
		}
		return nil
	})
	return list, err
}

// End ends sessions of an operator: those named, or all.
func (r *Operators) End(ctx context.Context, id string, hashes ...string) error {
	_, err := r.Update(ctx, id, func(o *operator.Operator) error {
		o.Sessions = slices.DeleteFunc(o.Sessions, func(h string) bool { return len(hashes) == 0 || slices.Contains(hashes, h) })
		return nil
	})
	return err
}

// Offer stores a set-up link.
func (r *Operators) Offer(ctx context.Context, s operator.Setup) error {
	value, err := r.setups.encode(&s, nil)
	if err != nil {
		return err
	}
	return r.c.commit(ctx, kv.Txn{
		Tag: orgTag, Checks: []kv.Check{{Key: r.setup(s.ID)}},
		Puts: []kv.Put{{Key: r.setup(s.ID), Value: value, Expires: s.Expires.Add(sessionSlack)}},
	})
}

// Setup finds a living set-up link by its hash; one that makes the first operator dies with that one.
func (r *Operators) Setup(ctx context.Context, hash string) (operator.Setup, error) {
	s, _, err := r.readSetup(ctx, hash)
	return s, err
}

func (r *Operators) readSetup(ctx context.Context, hash string) (s operator.Setup, rec kv.Record, err error) {
	if !plain(hash) {
		return s, rec, errSetupGone
	}
	if rec, err = r.c.read(ctx, r.setup(hash)); err != nil {
		return s, rec, err
	}
	if rec.Version == 0 {
		return s, rec, errSetupGone
	}
	if s, err = r.setups.decode(hash, rec.Value); err != nil {
		r.c.alarm(ctx, "misfit", r.setup(hash), err)
		return s, rec, errSetupGone
	}
	if !r.c.now().Before(s.Expires) {
		return s, rec, errSetupGone
	}
	if s.Operator == "" {
		exist, err := r.Exist(ctx)
		if err != nil || exist {
			return s, rec, errors.Join(err, errSetupGone)
		}
	}
	return s, rec, nil
}

// First makes the first operator by a set-up link, once: of two at the same time one finds the link gone.
func (r *Operators) First(ctx context.Context, hash string, o operator.Operator) (operator.Operator, error) {
	_, rec, err := r.readSetup(ctx, hash)
	if err != nil {
		return o, err
	}
	o, err = r.create(ctx, o, kv.Txn{
		Checks:  []kv.Check{{Key: r.first()}, {Key: r.setup(hash), Version: rec.Version}},
		Puts:    []kv.Put{{Key: r.first(), Value: []byte(o.ID)}},
		Deletes: []kv.Key{r.setup(hash)},
	})
	if errors.Is(err, kv.ErrConflict) {
		err = errSetupGone
	}
	return o, err
}

// Redeem changes an operator by a set-up link, once.
func (r *Operators) Redeem(ctx context.Context, hash string, f func(*operator.Operator) error) (out operator.Operator, err error) {
	s, rec, err := r.readSetup(ctx, hash)
	if err != nil {
		return out, err
	}
	err = r.c.retry(ctx, account.ID("operator/"+s.Operator), func(first bool) (err error) {
		if !first { // the link may be what has changed
			if s, rec, err = r.readSetup(ctx, hash); err != nil {
				return err
			}
		}
		t := kv.Txn{Checks: []kv.Check{{Key: r.setup(hash), Version: rec.Version}}, Deletes: []kv.Key{r.setup(hash)}}
		out, err = r.update(ctx, s.Operator, t, f)
		return err
	})
	if errors.Is(err, account.ErrNotFound) {
		err = errSetupGone
	}
	return out, err
}
