package store

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// linkSlack is how long a link's hash is recognised after its end, so that its page can still be counted.
const linkSlack = 24 * time.Hour

// Activations is the repository of journals: the links of an account and its timeline. A journal lies beside its
// account, so that a redemption, which activates the account, and uses the link up, and lets the device in, is one
// transaction.
//
//	{bNN}jnl:<id>     record   journal
//	{bNN}awaiting     index    accounts whose phone has not registered yet, or whose answer is kept, score: since (ms)
//	{h:<hash>}link    record   account id by the hash of a link's token; expires a day after the link
type Activations struct {
	c     *core
	codec codec[account.Journal]
}

func newActivations(c *core) *Activations {
	return &Activations{c: c, codec: newCodec(func(j *account.Journal) string { return string(j.ID) })}
}

func (k *keyspace) journal(id account.ID) kv.Key {
	return kv.Key{Tag: k.tag(id), Name: "jnl:" + string(id)}
}

func (k *keyspace) awaiting(bucket int) kv.Key {
	return kv.Key{Tag: k.bucket[bucket], Name: "awaiting"}
}

func (k *keyspace) link(hash string) kv.Key { return kv.Key{Tag: "h:" + hash, Name: "link"} }

// ByHash finds the account of a link by the hash of its token: account.ErrNotFound when no link ever had it, or its
// time is long over. It says nothing about the link's state.
func (r *Activations) ByHash(ctx context.Context, hash [32]byte) (account.ID, error) {
	rec, err := r.c.read(ctx, r.c.keys.link(account.HashText(hash)))
	if err != nil {
		return "", err
	}
	if id := account.ID(rec.Value); rec.Version != 0 && id.Valid() {
		return id, nil
	}
	return "", account.ErrNotFound
}

// Journal reads an account and its journal, which is empty until something happens.
func (r *Activations) Journal(ctx context.Context, id account.ID) (account.Account, account.Journal, error) {
	t, err := r.open(ctx, id)
	if err != nil {
		return account.Account{}, account.Journal{}, err
	}
	return *t.account, t.journal, nil
}

// Update changes an account and its journal together by compare-and-swap; f may run more than once and must only modify
// what it is given. It must leave user, numbers and group alone: those are claimed, which only Accounts.Update does.
func (r *Activations) Update(ctx context.Context, id account.ID, f func(*account.Account, *account.Journal) error) (account.Account, account.Journal, error) {
	ctx, cancel := context.WithTimeout(ctx, operationTime)
	defer cancel()
	var t *twin
	err := r.c.retry(ctx, id, func(bool) (err error) {
		if t, err = r.open(ctx, id); err != nil {
			return err
		}
		return r.try(ctx, t, f)
	})
	if err != nil {
		return account.Account{}, account.Journal{}, err
	}
	return *t.account, t.journal, nil
}

// twin is an account and its journal as they were read.
type twin struct {
	epoch    uint64
	account  *account.Account
	journal  account.Journal
	acc, jnl kv.Record
	before   account.Account
}

func (r *Activations) open(ctx context.Context, id account.ID) (*twin, error) {
	if !plain(string(id)) {
		return nil, account.ErrNotFound
	}
	t := &twin{epoch: r.c.cache.epoch(id)}
	recs, err := r.c.kv.Read(ctx, r.c.keys.account(id), r.c.keys.journal(id))
	if err != nil {
		return nil, err
	}
	t.acc, t.jnl = recs[0], recs[1]
	if t.account, err = r.c.account(ctx, id, t.acc); err != nil {
		return nil, err
	}
	t.before = *t.account
	t.journal = account.Journal{ID: id}
	if t.jnl.Version != 0 {
		if t.journal, err = r.codec.decode(string(id), t.jnl.Value); err != nil {
			r.c.alarm(ctx, "misfit", r.c.keys.journal(id), err)
			return nil, err
		}
	}
	t.journal.Version = t.jnl.Version
	return t, nil
}

func (r *Activations) try(ctx context.Context, t *twin, f func(*account.Account, *account.Journal) error) error {
	id := t.account.ID
	accBefore, err := r.c.accounts.encode(t.account, t.acc.Value)
	if err != nil {
		return err
	}
	jnlBefore, err := r.codec.encode(&t.journal, t.jnl.Value)
	if err != nil {
		return err
	}
	known := slices.Clone(t.journal.Links)
	if err := f(t.account, &t.journal); err != nil {
		return err
	}
	t.account.ID, t.account.Created, t.account.Version, t.journal.ID = id, t.before.Created, t.acc.Version, id // not f's to change
	if !slices.Equal(claimNames(t.account), claimNames(&t.before)) || t.account.Group != t.before.Group {
		return errors.New("store: user, numbers and group are changed by Accounts.Update alone")
	}
	txn := kv.Txn{Tag: r.c.keys.tag(id), Checks: []kv.Check{
		{Key: r.c.keys.account(id), Version: t.acc.Version}, {Key: r.c.keys.journal(id), Version: t.jnl.Version},
	}}
	if err := r.putJournal(&txn, t, jnlBefore); err != nil {
		return err
	}
	if err := r.putAccount(&txn, t, accBefore); err != nil {
		return err
	}
	if len(txn.Puts) == 0 {
		return nil
	}
	if err := r.point(ctx, id, known, t.journal.Links); err != nil {
		return err
	}
	if _, err := r.c.kv.Commit(ctx, txn); err != nil {
		return err
	}
	if t.account.Version != t.acc.Version {
		r.c.cache.put(t.account, nil, t.epoch)
		r.c.dir.put(t.account)
	}
	return nil
}

// putAccount adds the account to the transaction when f has changed it.
func (r *Activations) putAccount(txn *kv.Txn, t *twin, before []byte) error {
	a := t.account
	after, err := r.c.accounts.encode(a, t.acc.Value)
	if err != nil || bytes.Equal(before, after) {
		return err
	}
	a.Updated = r.c.now().UTC()
	value, err := r.c.accounts.encode(a, t.acc.Value)
	if err != nil {
		return err
	}
	txn.Puts = append(txn.Puts, kv.Put{Key: r.c.keys.account(a.ID), Value: value})
	a.Version = t.acc.Version + 1
	txn.Appends = append(txn.Appends, r.c.change(a, a.Version, false))
	return nil
}

// putJournal adds the journal and its place in the index of those that somebody watches.
func (r *Activations) putJournal(txn *kv.Txn, t *twin, before []byte) error {
	j := &t.journal
	value, err := r.codec.encode(j, t.jnl.Value)
	if err != nil || bytes.Equal(before, value) {
		return err
	}
	txn.Puts = append(txn.Puts, kv.Put{Key: r.c.keys.journal(j.ID), Value: value})
	j.Version = t.jnl.Version + 1
	index := r.c.keys.awaiting(bucketOf(j.ID))
	if j.Awaiting || j.Answer != nil {
		txn.Adds = append(txn.Adds, kv.IndexAdd{Index: index, Member: string(j.ID), Score: float64(r.c.now().UnixMilli())})
	} else {
		txn.Removes = append(txn.Removes, kv.IndexRemove{Index: index, Member: string(j.ID)})
	}
	txn.Appends = append(txn.Appends, r.news(j.ID, j.Version))
	return nil
}

// news is the stream entry of a timeline that goes on.
func (r *Activations) news(id account.ID, version uint64) kv.Append {
	ch := account.Change{Topic: account.TopicTimeline, ID: string(id), Version: version, At: r.c.now()}
	return kv.Append{Stream: r.c.keys.changes(bucketOf(id)), Value: encodeChange(ch), MaxLen: changesKept}
}

// Tell tells the change stream that an account's timeline goes on by something that stands elsewhere: how far a message
// has come. account.ErrNotFound when there is no such account.
func (r *Activations) Tell(ctx context.Context, id account.ID) error {
	_, j, err := r.Journal(ctx, id)
	if err != nil {
		return err
	}
	return r.c.commit(ctx, kv.Txn{Tag: r.c.keys.tag(id), Appends: []kv.Append{r.news(id, j.Version)}})
}

// point writes where the hashes of new links lead, before the journal has them: what a crash leaves over leads to a
// journal that does not know the link, and runs out by itself.
func (r *Activations) point(ctx context.Context, id account.ID, known, links []account.Link) error {
	for _, l := range links {
		if slices.ContainsFunc(known, func(k account.Link) bool { return k.Hash == l.Hash }) {
			continue
		}
		key := r.c.keys.link(l.Hash)
		err := r.c.commit(ctx, kv.Txn{Tag: key.Tag, Puts: []kv.Put{{Key: key, Value: []byte(id), Expires: l.Expires.Add(linkSlack)}}})
		if err != nil {
			return err
		}
	}
	return nil
}

// Awaiting lists the accounts whose journal waits for something: for the first registration, or for the end of an
// answer that is kept.
func (r *Activations) Awaiting(ctx context.Context) ([]account.ID, error) {
	found, err := r.c.members(ctx, r.c.keys.awaiting, math.Inf(1))
	if err != nil {
		return nil, err
	}
	var ids []account.ID
	for _, members := range found {
		for _, m := range members {
			ids = append(ids, account.ID(m.Name))
		}
	}
	return ids, nil
}
