package store

import (
	"context"
	"errors"
	"fmt"
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
