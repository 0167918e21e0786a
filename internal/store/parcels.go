package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sipward/internal/account"
	"sipward/internal/parcel"
	"sipward/internal/seal"
	"sipward/internal/store/kv"
)

const (
	// parcelLife is how long after its time a parcel's record answers for its status and its sender's id.
	parcelLife = 7 * 24 * time.Hour
	// bodySlack keeps a body a little longer than it counts: nodes' clocks differ.
	bodySlack = time.Hour
)

// Parcels is the repository of secure messages. All of a recipient's lie in the recipient's bucket, so that taking one in
// checks the account itself, and delivering one is one transaction. Bodies are records of their own, sealed by whoever
// hands them in, and gone with the final status; an export has none of this.
//
//	{bNN}parcel:<id>          record   what is known of it; expires a week after its time
//	{bNN}parcelbody:<id>      record   its sealed body; gone when the status is final
//	{bNN}parcelkey:<hash>     record   id by recipient, sender and the sender's own id; expires with it
//	{bNN}parcelbox:<account>  record   the last number given out; its version tells that one more was accepted
//	{bNN}parcellease:<acc>    record   which node delivers, and how often it has failed
//	{bNN}parcelqueue:<acc>    index    ids that wait, score: the number: the order of delivery
//	{bNN}parcelof:<acc>:<from> index   those of one sender among them, score: the same
//	{bNN}parcelspent:<from>   record   how many messages an account has sent within the present minute
//	{bNN}parceldue            index    accounts with waiting parcels, score: when somebody looks again (ms)
//	{bNN}parcelnews           index    ids whose status nobody has logged and reported yet, score: since (ms)
type Parcels struct {
	c     *core
	codec codec[parcel.Parcel]
	past  *history[parcel.Parcel]
}

func newParcels(c *core, keep time.Duration) *Parcels {
	cd := newCodec(func(p *parcel.Parcel) string { return string(p.ID) })
	return &Parcels{c: c, codec: cd, past: &history[parcel.Parcel]{
		c: c, kind: "parcel", late: true, codec: cd, keep: keep,
		at: func(p *parcel.Parcel) time.Time { return p.Accepted },
		of: func(p *parcel.Parcel) []account.ID { return []account.ID{p.From, p.To} },
	}}
}

// box is the counter of a recipient.
type box struct {
	Next uint64 `json:"next"`
}

const parcelNews = "parcelnews" // in each bucket

func (r *Parcels) in(to account.ID, name string) kv.Key {
	return kv.Key{Tag: r.c.keys.tag(to), Name: "parcel" + name}
}

func (r *Parcels) box(to account.ID) kv.Key   { return r.in(to, "box:"+string(to)) }
func (r *Parcels) lease(to account.ID) kv.Key { return r.in(to, "lease:"+string(to)) }
func (r *Parcels) queue(to account.ID) kv.Key { return r.in(to, "queue:"+string(to)) }

// of are a sender's parcels that wait for a recipient.
func (r *Parcels) of(to, from account.ID) kv.Key { return r.in(to, "of:"+string(to)+":"+string(from)) }

func (r *Parcels) byKey(p parcel.Parcel) kv.Key {
	return r.in(p.To, "key:"+hashed(string(p.To), string(p.From), p.SenderID))
}

func (r *Parcels) due(bucket int) kv.Key {
	return kv.Key{Tag: r.c.keys.bucket[bucket], Name: "parceldue"}
}

func (r *Parcels) news(bucket int) kv.Key {
	return kv.Key{Tag: r.c.keys.bucket[bucket], Name: parcelNews}
}

// bucketTag is that of an id that is valid: ids begin with their bucket.
func bucketTag(id parcel.ID) string { return "b" + string(id[:2]) }

func (r *Parcels) record(id parcel.ID) kv.Key {
	return kv.Key{Tag: bucketTag(id), Name: "parcel:" + string(id)}
}

func (r *Parcels) body(id parcel.ID) kv.Key {
	return kv.Key{Tag: bucketTag(id), Name: "parcelbody:" + string(id)}
}

func (r *Parcels) newsFor(id parcel.ID) kv.Key { return kv.Key{Tag: bucketTag(id), Name: parcelNews} }

// valid also wants a bucket that there is.
func validParcel(id parcel.ID) bool {
	if !id.Valid() {
		return false
	}
	n, err := strconv.Atoi(string(id[:2]))
	return err == nil && n < buckets
}

// NewID makes the id of a parcel to an account.
func (r *Parcels) NewID(to account.ID) parcel.ID {
	return parcel.ID(r.c.keys.tag(to)[1:] + strings.ToLower(rand.Text()))
}

// Add keeps a parcel and its body in the recipient's queue: account.ErrNotFound, parcel.ErrFull when there is no room, or
// what judge says of the recipient as it is in that moment. The sender's id that the recipient knows from the same sender
// gives the parcel that has it.
func (r *Parcels) Add(ctx context.Context, p parcel.Parcel, body seal.Box, room parcel.Room, judge func(account.Account) error) (out parcel.Parcel, err error) {
	if !validParcel(p.ID) || !p.To.Valid() || r.record(p.ID).Tag != r.c.keys.tag(p.To) {
		return p, errors.New("a parcel has a recipient and an id made for it")
	}
	err = r.c.retry(ctx, "parcel/"+p.To, func(bool) (err error) {
		out, err = r.add(ctx, p, body, room, judge)
		return err
	})
	return out, err
}

func (r *Parcels) add(ctx context.Context, p parcel.Parcel, body seal.Box, room parcel.Room, judge func(account.Account) error) (parcel.Parcel, error) {
	keyed, boxed := r.byKey(p), r.box(p.To)
	recs, err := r.c.kv.Read(ctx, r.c.keys.account(p.To), keyed, boxed)
	if err != nil {
		return p, err
	}
	a, err := r.c.account(ctx, p.To, recs[0])
	if err != nil {
		return p, err
	}
	if recs[1].Version != 0 {
		return r.ByID(ctx, parcel.ID(recs[1].Value))
	}
	if err := judge(*a); err != nil {
		return p, err
	}
	var b box
	if err := decodeLog(recs[2], &b); err != nil {
		r.c.alarm(ctx, "misfit", boxed, err)
		return p, err
	}
	waiting, err := r.room(ctx, p, room)
	if err != nil {
		return p, err
	}
	b.Next++
	t, err := r.adding(p, b, body)
	if err != nil {
		return p, err
	}
	t.Checks = []kv.Check{{Key: r.c.keys.account(p.To), Version: recs[0].Version}, {Key: keyed}, {Key: boxed, Version: recs[2].Version}}
	if waiting == 0 { // the other nodes need not hear of each
		ch := account.Change{Topic: account.TopicParcel, ID: string(p.To), Version: b.Next, At: r.c.now()}
		t.Appends = []kv.Append{{Stream: r.c.keys.changes(bucketOf(p.To)), Value: encodeChange(ch), MaxLen: changesKept}}
	}
	_, err = r.c.kv.Commit(ctx, t)
	p.Version = 1
	return p, err
}

// adding is the writes of Add.
func (r *Parcels) adding(p parcel.Parcel, b box, body seal.Box) (kv.Txn, error) {
	value, err := r.codec.encode(&p, nil)
	if err != nil {
		return kv.Txn{}, err
	}
	life, now, id := p.Expires.Add(parcelLife), float64(r.c.now().UnixMilli()), string(p.ID)
	t := kv.Txn{
		Tag: r.c.keys.tag(p.To),
		Puts: []kv.Put{
			{Key: r.record(p.ID), Value: value, Expires: life},
			{Key: r.body(p.ID), Value: body, Expires: p.Expires.Add(bodySlack)},
			{Key: r.byKey(p), Value: []byte(id), Expires: life},
			{Key: r.box(p.To), Value: encodeLog(b), Expires: life},
		},
		Adds: []kv.IndexAdd{
			{Index: r.queue(p.To), Member: id, Score: float64(b.Next)},
			{Index: r.due(bucketOf(p.To)), Member: string(p.To), Score: now},
		},
	}
	if p.From != "" {
		t.Adds = append(t.Adds, kv.IndexAdd{Index: r.of(p.To, p.From), Member: id, Score: float64(b.Next)})
	}
	t.Adds = append(t.Adds, r.newsOf(p, now)...)
	return t, nil
}

// newsOf is the mark that a parcel's status is to be settled. A report is no message of anybody: nobody asks for it.
func (r *Parcels) newsOf(p parcel.Parcel, score float64) []kv.IndexAdd {
	if p.About != "" {
		return nil
	}
	return []kv.IndexAdd{{Index: r.news(bucketOf(p.To)), Member: string(p.ID), Score: score}}
}

// ByID reads what is known of a parcel, parcel.ErrNotFound.
func (r *Parcels) ByID(ctx context.Context, id parcel.ID) (parcel.Parcel, error) {
	p, _, err := r.read(ctx, id)
	return p, err
}

func (r *Parcels) read(ctx context.Context, id parcel.ID) (parcel.Parcel, kv.Record, error) {
	if !validParcel(id) {
		return parcel.Parcel{}, kv.Record{}, parcel.ErrNotFound
	}
	rec, err := r.c.read(ctx, r.record(id))
	if err != nil {
		return parcel.Parcel{}, rec, err
	}
	p, err := r.decode(ctx, id, rec)
	return p, rec, err
}

func (r *Parcels) decode(ctx context.Context, id parcel.ID, rec kv.Record) (parcel.Parcel, error) {
	if rec.Version == 0 {
		return parcel.Parcel{}, parcel.ErrNotFound
	}
	p, err := r.codec.decode(string(id), rec.Value)
	if err != nil {
		r.c.alarm(ctx, "misfit", r.record(id), err)
		return p, fmt.Errorf("message %s: %w", id, err)
	}
	p.Version = rec.Version
	return p, nil
}

// Body reads the sealed body of a parcel that waits, parcel.ErrNotFound.
func (r *Parcels) Body(ctx context.Context, id parcel.ID) (seal.Box, error) {
	if !validParcel(id) {
		return nil, parcel.ErrNotFound
	}
	rec, err := r.c.read(ctx, r.body(id))
	if err == nil && rec.Version == 0 {
		err = parcel.ErrNotFound
	}
	return seal.Box(rec.Value), err
}

// decodeLease reads a lease; one that cannot be read holds nobody back.
func decodeLease(to account.ID, rec kv.Record) parcel.Lease {
	l := parcel.Lease{}
	if rec.Version == 0 || json.Unmarshal(rec.Value, &l) != nil || l.Account != to {
		l = parcel.Lease{Account: to}
	}
	l.Version = rec.Version
	return l
}
