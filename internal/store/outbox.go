package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"sipward/internal/account"
	"sipward/internal/message"
	"sipward/internal/store/kv"
)

const (
	// messageLife is how long a message is remembered, whatever became of it.
	messageLife = 90 * 24 * time.Hour
	// trimSlack lets Trim still read what it takes out of the indexes.
	trimSlack = 48 * time.Hour
	// keyLife is how long an idempotency key and a gateway's id are recognised.
	keyLife = 7 * 24 * time.Hour
	// earlyLife is how long a receipt waits for the message it speaks of.
	earlyLife = time.Hour
)

// Outbox is the repository of messages. They share the organisation's tag, so that a message, its indexes and its change
// are one transaction; a gateway takes some hundred messages a second, which one tag carries.
//
//	{org}msg:<id>            record   message; expires 90 days after it was made
//	{org}msgkey:<hash>       record   message id by idempotency key; expires
//	{org}msgto:<hash>        record   when the last messages to a recipient were queued; expires
//	{org}msgday:<ch>:<date>  index    messages of a channel and day
//	{org}msgday:<ch>:<date>:turn record  written by each message near the daily limit
//	{org}msgref:<hash>       record   message and part by the gateway's id; expires
//	{org}msgearly:<hash>     record   a receipt that came before its message was accepted; expires
//	{org}msgdue:<channel>    index    messages that wait, score: due (ms)
//	{org}msgs                index    all messages, score: created (ms)
//	{org}msgs:<status>       index    those of a status     {org}msgsof:<account>  index   those of an account
type Outbox struct {
	c     *core
	codec codec[message.Message]
	turn  chan struct{} // capacity 1: full while a message near the daily limit is queued
}

func newOutbox(c *core) *Outbox {
	return &Outbox{c: c, codec: newCodec(func(m *message.Message) string { return string(m.ID) }), turn: make(chan struct{}, 1)}
}

func hashed(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p) // a hash never fails
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (r *Outbox) key(id message.ID) kv.Key     { return r.c.keys.orgKey("msg:" + string(id)) }
func (r *Outbox) byKey(key string) kv.Key      { return r.c.keys.orgKey("msgkey:" + hashed(key)) }
func (r *Outbox) due(c message.Channel) kv.Key { return r.c.keys.orgKey("msgdue:" + string(c)) }
func (r *Outbox) all() kv.Key                  { return r.c.keys.orgKey("msgs") }
func (r *Outbox) of(a account.ID) kv.Key       { return r.c.keys.orgKey("msgsof:" + string(a)) }
func (r *Outbox) in(s message.Status) kv.Key   { return r.c.keys.orgKey("msgs:" + string(s)) }
func (r *Outbox) ref(driver, id string) kv.Key {
	return r.c.keys.orgKey("msgref:" + hashed(driver, id))
}
func (r *Outbox) early(driver, id string) kv.Key {
	return r.c.keys.orgKey("msgearly:" + hashed(driver, id))
}
func (r *Outbox) to(c message.Channel, to string) kv.Key {
	return r.c.keys.orgKey("msgto:" + hashed(string(c), to))
}
func (r *Outbox) day(c message.Channel, at time.Time) kv.Key {
	return r.c.keys.orgKey("msgday:" + string(c) + ":" + at.UTC().Format(time.DateOnly))
}

// Add queues a message once for each idempotency key: when the key is known, the message that has it is returned.
// recipient bounds the messages to one recipient within an hour, daily those of a channel within a day (UTC); 0 is no
// limit.
func (r *Outbox) Add(ctx context.Context, m message.Message, recipient, daily int) (out message.Message, err error) {
	if !m.ID.Valid() || !m.Account.Valid() || m.Key == "" {
		return m, errors.New("a message has an id, an account and a key")
	}
	err = r.c.retry(ctx, account.ID("message/"+hashed(m.Key)), func(bool) (err error) {
		out, err = r.add(ctx, m, recipient, daily)
		return err
	})
	return out, err
}

func (r *Outbox) add(ctx context.Context, m message.Message, recipient, daily int) (message.Message, error) {
	keyed, to, day := r.byKey(m.Key), r.to(m.Channel, m.To), r.day(m.Channel, m.Created)
	recs, err := r.c.kv.Read(ctx, keyed, to)
	if err != nil {
		return m, err
	}
	if recs[0].Version != 0 {
		return r.ByID(ctx, message.ID(recs[0].Value))
	}
	times, err := recent(recs[1].Value, m.Created, recipient)
	if err != nil {
		return m, err
	}
	near, done, err := r.today(ctx, day, m.Created, daily)
	if err != nil {
		return m, err
	}
	defer done()
	value, err := r.codec.encode(&m, nil)
	if err != nil {
		return m, err
	}
	id, score := string(m.ID), float64(m.Created.UnixMilli())
	t := kv.Txn{
		Tag:    orgTag,
		Checks: []kv.Check{{Key: keyed}, {Key: to, Version: recs[1].Version}, {Key: r.key(m.ID)}},
		Puts: []kv.Put{
			{Key: r.key(m.ID), Value: value, Expires: m.Created.Add(messageLife + trimSlack)},
			{Key: keyed, Value: []byte(id), Expires: m.Created.Add(keyLife)},
			{Key: to, Value: times, Expires: m.Created.Add(time.Hour)},
		},
		Adds: []kv.IndexAdd{
			{Index: r.all(), Member: id, Score: score}, {Index: r.of(m.Account), Member: id, Score: score},
			{Index: r.in(m.Status), Member: id, Score: score}, {Index: day, Member: id, Score: score},
			{Index: r.due(m.Channel), Member: id, Score: float64(m.Due.UnixMilli())},
		},
		Appends: []kv.Append{r.c.orgChange(account.TopicOrg, "message/"+id, 1, false)},
	}
	if near != nil {
		t.Checks = append(t.Checks, *near)
		t.Puts = append(t.Puts, kv.Put{Key: near.Key, Value: []byte("{}"), Expires: m.Created.Add(25 * time.Hour)})
	}
	_, err = r.c.kv.Commit(ctx, t)
	m.Version = 1
	return m, err
}

// recent is the list of times at which messages to a recipient were queued within the last hour, with now.
func recent(value []byte, now time.Time, limit int) ([]byte, error) {
	var times, kept []int64
	if len(value) > 0 {
		if err := json.Unmarshal(value, &times); err != nil {
			return nil, fmt.Errorf("%w (%v)", ErrMisfit, err)
		}
	}
	for _, t := range times {
		if t > now.Add(-time.Hour).UnixMilli() {
			kept = append(kept, t)
		}
	}
	if limit > 0 && len(kept) >= limit {
		wait := min(time.UnixMilli(kept[0]).Add(time.Hour).Sub(now), time.Hour) // the oldest may be a moment younger than this one
		return nil, &message.LimitError{Code: "recipient", Retry: wait,
			Detail: fmt.Sprintf("%d messages went to this recipient within the last hour, and no more are sent: wait, or hand over the link another way", len(kept))}
	}
	return json.Marshal(append(kept, now.UnixMilli()))
}

// nearDaily is how far from the daily limit messages begin to take turns: more are never queued at the same moment.
const nearDaily = 256

// today holds a message to the daily limit. Near it, messages are queued one after the other: on this node until done is
// called, among all by the check of a record that each of them writes.
func (r *Outbox) today(ctx context.Context, day kv.Key, now time.Time, limit int) (near *kv.Check, done func(), err error) {
	done = func() {}
	if limit <= 0 {
		return nil, done, nil
	}
	n, err := r.c.kv.Count(ctx, day)
	if err != nil || n[0] < limit-nearDaily {
		return nil, done, err
	}
	select {
	case r.turn <- struct{}{}:
		done = func() { <-r.turn }
	case <-ctx.Done():
		return nil, done, ctx.Err()
	}
	turns := kv.Key{Tag: day.Tag, Name: day.Name + ":turn"}
	rec, err := r.c.read(ctx, turns)
	if err == nil {
		n, err = r.c.kv.Count(ctx, day)
	}
	if err == nil && n[0] >= limit {
		err = &message.LimitError{Code: "daily", Retry: now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(now),
			Detail: fmt.Sprintf("%d messages were sent today, and no more are: wait until midnight UTC, or raise the daily limit in the configuration", n[0])}
	}
	if err != nil {
		done()
		done = func() {}
	}
	return &kv.Check{Key: turns, Version: rec.Version}, done, err
}

// ByID reads one message, message.ErrNotFound.
func (r *Outbox) ByID(ctx context.Context, id message.ID) (message.Message, error) {
	m, _, err := r.read(ctx, id)
	return m, err
}

func (r *Outbox) read(ctx context.Context, id message.ID) (message.Message, kv.Record, error) {
	if !id.Valid() {
		return message.Message{}, kv.Record{}, message.ErrNotFound
	}
	rec, err := r.c.read(ctx, r.key(id))
	if err != nil {
		return message.Message{}, rec, err
	}
	m, err := r.decode(ctx, id, rec)
	return m, rec, err
}

func (r *Outbox) decode(ctx context.Context, id message.ID, rec kv.Record) (message.Message, error) {
	if rec.Version == 0 {
		return message.Message{}, message.ErrNotFound
	}
	m, err := r.codec.decode(string(id), rec.Value)
	if err != nil {
		r.c.alarm(ctx, "misfit", r.key(id), err)
		return m, fmt.Errorf("message %s: %w", id, err)
	}
	m.Version = rec.Version
	return m, nil
}

// Update is compare-and-swap, as Accounts.Update.
func (r *Outbox) Update(ctx context.Context, id message.ID, f func(*message.Message) error) (message.Message, error) {
	var out message.Message
	err := r.c.retry(ctx, account.ID("message/"+id), func(bool) (err error) {
		out, err = r.update(ctx, id, f)
		return err
	})
	return out, err
}

func (r *Outbox) update(ctx context.Context, id message.ID, f func(*message.Message) error) (message.Message, error) {
	old, rec, err := r.read(ctx, id)
	if err != nil {
		return old, err
	}
	m, _ := r.codec.decode(string(id), rec.Value) // a copy of its own, which f may change; it was decoded before
	m.Version = rec.Version
	if err := f(&m); err != nil {
		return old, err
	}
	m.ID, m.Account, m.Key, m.Channel, m.Created = old.ID, old.Account, old.Key, old.Channel, old.Created // not f's to change
	m.Updated = r.c.now().UTC()
	value, err := r.codec.encode(&m, rec.Value)
	if err != nil {
		return old, err
	}
	t := kv.Txn{
		Tag:    orgTag,
		Checks: []kv.Check{{Key: r.key(id), Version: rec.Version}},
		Puts:   append([]kv.Put{{Key: r.key(id), Value: value, Expires: m.Created.Add(messageLife + trimSlack)}}, r.refs(&old, &m)...),
	}
	r.index(&t, &old, &m)
	if _, err := r.c.kv.Commit(ctx, t); err != nil {
		return old, err
	}
	m.Version = rec.Version + 1
	return m, nil
}

// index moves a message between the indexes, and tells the change.
func (r *Outbox) index(t *kv.Txn, old, m *message.Message) {
	id := string(m.ID)
	if old.Status != m.Status {
		t.Removes = append(t.Removes, kv.IndexRemove{Index: r.in(old.Status), Member: id})
		t.Adds = append(t.Adds, kv.IndexAdd{Index: r.in(m.Status), Member: id, Score: float64(m.Created.UnixMilli())})
		t.Appends = []kv.Append{r.c.orgChange(account.TopicOrg, "message/"+id, old.Version+1, false)}
	}
	switch {
	case m.Due.IsZero() && !old.Due.IsZero():
		t.Removes = append(t.Removes, kv.IndexRemove{Index: r.due(m.Channel), Member: id})
	case !m.Due.IsZero() && !m.Due.Equal(old.Due):
		t.Adds = append(t.Adds, kv.IndexAdd{Index: r.due(m.Channel), Member: id, Score: float64(m.Due.UnixMilli())})
	}
}

// refs are the gateway's ids of a message that was accepted just now.
func (r *Outbox) refs(old, m *message.Message) (puts []kv.Put) {
	if len(old.Parts) > 0 {
		return nil
	}
	seen := map[string]bool{}
	for i, p := range m.Parts {
		if p.ID == "" || seen[p.ID] {
			continue
		}
		seen[p.ID] = true
		puts = append(puts, kv.Put{Key: r.ref(m.Driver, p.ID), Value: fmt.Appendf(nil, "%s/%d", m.ID, i), Expires: r.c.now().Add(keyLife)})
	}
	return puts
}

// Claim takes up to limit messages of a channel that are due for an owner, until the lease is over; a message that another node takes
// at the same moment is left to it. A message whose lease has run out is due again: its sender died, and whether the
// gateway has it is not known.
func (r *Outbox) Claim(ctx context.Context, channel message.Channel, owner string, lease time.Duration, limit int) ([]message.Message, error) {
	now := r.c.now().UTC()
	found, err := r.c.kv.Ranges(ctx, kv.Range{Index: r.due(channel), Min: math.Inf(-1), Max: float64(now.UnixMilli()), Limit: limit})
	if err != nil {
		return nil, err
	}
	var mine []message.Message
	for _, member := range found[0] {
		m, err := r.update(ctx, message.ID(member.Name), func(m *message.Message) error {
			if m.Due.IsZero() || m.Due.After(now) {
				return message.ErrState
			}
			m.Status, m.Lease, m.Due = message.Sending, owner, now.Add(lease)
			m.Attempts++
			return nil
		})
		switch {
		case err == nil:
			mine = append(mine, m)
		case errors.Is(err, message.ErrNotFound), errors.Is(err, ErrMisfit):
			_ = r.c.takeOut(ctx, r.due(channel), []kv.Member{member}) // the next claim meets it again
		case errors.Is(err, kv.ErrConflict), errors.Is(err, message.ErrState):
		default:
			return mine, err
		}
	}
	return mine, nil
}
