package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"sipward/internal/account"
	"sipward/internal/failpoint"
	"sipward/internal/keylog"
	"sipward/internal/store/kv"
)

// MessageKeys is the directory of keys for end-to-end messages and its log. What stands is in the account's record; the
// log is written right after it, and by the next reader when a crash came in between. A key is served only when the
// account's last entry in the log is about that very key: a record that was set back to an older state is behind the
// log, and an alarm (K2).
type MessageKeys struct{ accounts *Accounts }

// lastEntry is the account's last entry in the log.
type lastEntry struct {
	Account  account.ID    `json:"account"`
	Index    uint64        `json:"index"`
	Revision uint64        `json:"revision"`
	Action   keylog.Action `json:"action"`
	Key      string        `json:"fingerprint,omitempty"`
}

// logHead is all that must be known to append.
type logHead struct {
	keylog.Tree
	Last keylog.Hash `json:"last"`
}

// Grant permits the account one upload.
func (r *MessageKeys) Grant(ctx context.Context, id account.ID) error {
	_, err := r.accounts.Update(ctx, id, func(a *account.Account) error {
		if err := a.May(account.UploadKey); err != nil {
			return err
		}
		a.GrantKey(r.accounts.c.now())
		return nil
	})
	return err
}

// Put puts a key in the place of the one before: account.ErrNoGrant, account.ErrRevokedKey.
func (r *MessageKeys) Put(ctx context.Context, id account.ID, device, fingerprint string, certificate []byte) (account.Account, error) {
	a, err := r.accounts.Update(ctx, id, func(a *account.Account) error {
		if err := a.May(account.UploadKey); err != nil {
			return err
		}
		return a.PutKey(fingerprint, device, certificate, r.accounts.c.now())
	})
	if err != nil {
		return a, err
	}
	_, err = r.log(ctx, a)
	return a, err
}

// Revoke takes the key and any permission away, at once and on every node with the change stream.
func (r *MessageKeys) Revoke(ctx context.Context, id account.ID) (account.Account, error) {
	a, err := r.accounts.Update(ctx, id, func(a *account.Account) error {
		a.RevokeKeys(r.accounts.c.now())
		return nil
	})
	if err != nil {
		return a, err
	}
	failpoint.Here(failpoint.InRevocation)
	if _, err := r.log(ctx, a); err != nil { // the revocation stands: the next reader writes its entry
		r.accounts.c.log.WarnContext(ctx, "store: a revocation is not in the log of keys yet", "account", id, "err", err)
	}
	return a, nil
}

// Proof returns the proof that the key of an account is in the log; it is not signed yet. account.ErrNotFound when no
// key stands, ErrMisfit and an alarm when the account's record is not what the log says.
func (r *MessageKeys) Proof(ctx context.Context, a account.Account) (keylog.Proof, error) {
	if a.Keys.Fingerprint == "" {
		return keylog.Proof{}, account.ErrNotFound
	}
	last, err := r.log(ctx, a)
	if err != nil {
		return keylog.Proof{}, err
	}
	return r.prove(ctx, last.Index)
}

// log makes sure that the account's key state is the last that the log knows of it.
func (r *MessageKeys) log(ctx context.Context, a account.Account) (last lastEntry, err error) {
	if a.Keys.Revision == 0 {
		return last, nil
	}
	err = r.accounts.c.retry(ctx, "keylog", func(bool) (err error) {
		last, err = r.logOnce(ctx, a)
		return err
	})
	return last, err
}

func (r *MessageKeys) logOnce(ctx context.Context, a account.Account) (lastEntry, error) {
	c := r.accounts.c
	at, headKey := c.keys.keylog("last:"+string(a.ID)), c.keys.keylog("head")
	recs, err := c.kv.Read(ctx, at, headKey)
	if err != nil {
		return lastEntry{}, err
	}
	var last lastEntry
	var head logHead
	if err := errors.Join(decodeLog(recs[0], &last), decodeLog(recs[1], &head)); err != nil {
		c.alarm(ctx, "misfit", at, err)
		return last, err
	}
	switch want := wanted(a); {
	case recs[0].Version != 0 && last.Account != a.ID, last.Revision > a.Keys.Revision, last.Revision == a.Keys.Revision && last.Key != want.Key:
		err := fmt.Errorf("%w (account %s: the log of keys is ahead of the record, which was set back)", ErrMisfit, a.ID)
		c.alarm(ctx, "rollback", c.keys.account(a.ID), err)
		return last, err
	case last.Revision == a.Keys.Revision:
		return last, nil
	default:
		return r.append(ctx, head, recs, want)
	}
}

func wanted(a account.Account) lastEntry {
	e := lastEntry{Account: a.ID, Revision: a.Keys.Revision, Action: keylog.Upload, Key: a.Keys.Fingerprint}
	if e.Key == "" {
		e.Action = keylog.Revoke
	}
	return e
}

// append writes one entry: the entry, the subtrees it completes, the account's last and the head, all or nothing.
func (r *MessageKeys) append(ctx context.Context, head logHead, recs []kv.Record, e lastEntry) (lastEntry, error) {
	c := r.accounts.c
	at, headKey := c.keys.keylog("last:"+string(e.Account)), c.keys.keylog("head")
	e.Index = head.Size
	line := encodeLog(keylog.Entry{Index: e.Index, Prev: head.Last, At: c.now().UTC(), Account: e.Account, Revision: e.Revision, Action: e.Action, Fingerprint: e.Key})
	leaf := keylog.Leaf(line)
	tree, nodes := head.Append(leaf)
	t := kv.Txn{Tag: keylogTag,
		Checks: []kv.Check{{Key: at, Version: recs[0].Version}, {Key: headKey, Version: recs[1].Version}},
		Puts: []kv.Put{
			{Key: at, Value: encodeLog(e)}, {Key: headKey, Value: encodeLog(logHead{Tree: tree, Last: leaf})},
			{Key: c.keys.keylog("entry:" + strconv.FormatUint(e.Index, 10)), Value: line},
		}}
	for _, n := range nodes {
		t.Puts = append(t.Puts, kv.Put{Key: c.nodeKey(n.Level, n.Index), Value: n.Hash[:]})
	}
	_, err := c.kv.Commit(ctx, t)
	return e, err
}

func (c *core) nodeKey(level int, index uint64) kv.Key {
	return c.keys.keylog("node:" + strconv.Itoa(level) + ":" + strconv.FormatUint(index, 10))
}

func (r *MessageKeys) prove(ctx context.Context, index uint64) (keylog.Proof, error) {
	c := r.accounts.c
	recs, err := c.kv.Read(ctx, c.keys.keylog("head"), c.keys.keylog("entry:"+strconv.FormatUint(index, 10)))
	if err != nil {
		return keylog.Proof{}, err
	}
	var head logHead
	if err := decodeLog(recs[0], &head); err != nil {
		return keylog.Proof{}, err
	}
	p := keylog.Proof{Entry: string(recs[1].Value), Index: index, Size: head.Size, Root: head.Root()}
	p.Path, err = keylog.Prove(index, head.Size, func(level int, i uint64) (h keylog.Hash, err error) {
		rec, err := c.read(ctx, c.nodeKey(level, i))
		copy(h[:], rec.Value)
		return h, err
	})
	if err != nil {
		return p, err
	}
	if !keylog.Verify(keylog.Leaf([]byte(p.Entry)), p.Index, p.Size, p.Path, p.Root) {
		err = fmt.Errorf("%w (the log of keys does not hash to its head)", ErrMisfit)
		c.alarm(ctx, "misfit", c.keys.keylog("entry:"+strconv.FormatUint(index, 10)), err)
	}
	return p, err
}

func encodeLog(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings, numbers and a time: only a year beyond 9999 fails
	}
	return b
}

// decodeLog reads a record of the log; an absent one leaves v as it is.
func decodeLog(rec kv.Record, v any) error {
	if rec.Version == 0 {
		return nil
	}
	if err := json.Unmarshal(rec.Value, v); err != nil {
		return fmt.Errorf("%w (%v)", ErrMisfit, err)
	}
	return nil
}
