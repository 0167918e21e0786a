package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sipward/internal/audit"
	"sipward/internal/failpoint"
	"sipward/internal/store/kv"
)

// audited is the port with the audit log in it: what is committed under an act ([audit.With]) carries its own entry, in
// the same transaction. So a change and its record are both there or neither is, and no repository can forget one. What
// the server does of its own accord, and what touches no noun (claims, heartbeats, sessions), passes untouched.
//
//	{<tag>}audithead         record   the chain's head
//	{<tag>}audit:<seq>       record   hash and entry
//	{<tag>}audits            index    "<tag>/<seq>", score: at (ms)
//	{<tag>}audits:<object>   index    the same, of one object
type audited struct {
	kv.Store
	keys audit.Keys
	now  func() time.Time
	note func(audit.Entry) // told of every entry that was written; may be nil
}

// kinds are the records that are nouns, by the beginning of their names.
func kinds() map[string]string {
	return map[string]string{
		"acc": "account", "group": "group", "profile": "profile", "token": "token", "operator": "operator", "clip": "clip", "phone": "phone",
		"lic": "licence", "msg": "message", "jnl": "timeline", "webhook": "webhook", "loc": "registrations", "setup": "setup-link", "setting": "setting", "trace": "trace",
	}
}

// nounOf is the kind and id of a record that is one; "" for others.
func nounOf(k kv.Key) (kind, id string) {
	name, id, ok := strings.Cut(k.Name, ":")
	if kind = kinds()[name]; !ok || kind == "" {
		return "", ""
	}
	return kind, id
}

func auditHead(tag string) kv.Key { return kv.Key{Tag: tag, Name: "audithead"} }
func auditLine(tag string, seq uint64) kv.Key {
	return kv.Key{Tag: tag, Name: "audit:" + strconv.FormatUint(seq, 10)}
}
func auditIndex(tag string) kv.Key { return kv.Key{Tag: tag, Name: "audits"} }
func auditOf(tag, kind, id string) kv.Key {
	return kv.Key{Tag: tag, Name: "audits:" + kind + "/" + id}
}

// auditMember is how an entry stands in the indexes; the numbers sort as text.
func auditMember(tag string, seq uint64) string { return fmt.Sprintf("%s/%012d", tag, seq) }

// Commit adds the entry of an act to a transaction that changes nouns.
func (p audited) Commit(ctx context.Context, t kv.Txn) (kv.Result, error) {
	act, ok := audit.From(ctx)
	var nouns []kv.Key
	if ok {
		nouns = nounsOf(t)
	}
	if len(nouns) == 0 {
		return p.write(ctx, t)
	}
	var used []kv.Record
	for range attempts {
		recs, err := p.Store.Read(ctx, append([]kv.Key{auditHead(t.Tag)}, nouns...)...)
		if err != nil {
			return kv.Result{}, err
		}
		if used != nil && sameVersions(used, recs) {
			return kv.Result{}, kv.ErrConflict // it is the caller's own check that does not hold
		}
		used = recs
		e := audit.Entry{At: p.now().UTC(), Result: audit.Done, Act: act, Objects: objects(t, nouns, recs[1:])}
		if len(e.Objects) == 0 {
			return p.write(ctx, t)
		}
		full, err := p.with(t, recs[0], e, nouns, recs[1:])
		if err != nil {
			return kv.Result{}, err
		}
		res, err := p.write(ctx, full)
		if errors.Is(err, kv.ErrConflict) {
			continue
		}
		if err == nil {
			res.Versions = res.Versions[:len(t.Puts)]
			p.told(e)
		}
		return res, err
	}
	return kv.Result{}, kv.ErrConflict
}

// write is the one place where a transaction leaves for the store.
func (p audited) write(ctx context.Context, t kv.Txn) (kv.Result, error) {
	failpoint.Here(failpoint.BeforeWrite)
	res, err := p.Store.Commit(ctx, t)
	failpoint.Here(failpoint.AfterWrite)
	return res, err
}

func (p audited) told(e audit.Entry) {
	if p.note != nil {
		p.note(e)
	}
}

func sameVersions(a, b []kv.Record) bool {
	return slices.EqualFunc(a, b, func(x, y kv.Record) bool { return x.Version == y.Version })
}

func nounsOf(t kv.Txn) (nouns []kv.Key) {
	add := func(k kv.Key) {
		if kind, _ := nounOf(k); kind != "" {
			nouns = append(nouns, k)
		}
	}
	for _, p := range t.Puts {
		add(p.Key)
	}
	for _, k := range t.Deletes {
		add(k)
	}
	return nouns
}

// objects are the nouns that a transaction really changes.
func objects(t kv.Txn, nouns []kv.Key, old []kv.Record) (list []audit.Object) {
	for i, k := range nouns {
		kind, id := nounOf(k)
		o := audit.Object{Kind: kind, ID: id, Op: audit.Update}
		var fresh []byte
		if j := slices.IndexFunc(t.Puts, func(p kv.Put) bool { return p.Key == k }); j >= 0 {
			fresh = t.Puts[j].Value
		}
		switch {
		case fresh == nil && old[i].Version == 0:
			continue
		case fresh == nil:
			o.Op = audit.Delete
		case old[i].Version == 0:
			o.Op = audit.Create
		}
		if o.Name = audit.Name(fresh); fresh == nil {
			o.Name = audit.Name(old[i].Value)
		}
		before := old[i].Value
		if kind == "registrations" {
			before, fresh = contactsOf(before), contactsOf(fresh)
		}
		if kind == "timeline" {
			o.Changes = []audit.Field{} // it is a log itself
		} else if o.Changes = audit.Diff(before, fresh); len(o.Changes) == 0 && o.Op == audit.Update {
			continue
		}
		list = append(list, o)
	}
	return list
}

// with is the transaction and its entry. The nouns must be as they were when they were compared.
func (p audited) with(t kv.Txn, head kv.Record, e audit.Entry, nouns []kv.Key, old []kv.Record) (kv.Txn, error) {
	full := kv.Txn{
		Tag: t.Tag, Checks: slices.Clone(t.Checks), Puts: slices.Clone(t.Puts), Deletes: t.Deletes, Adds: slices.Clone(t.Adds), Removes: t.Removes, Appends: t.Appends,
	}
	for i, k := range nouns {
		if !slices.ContainsFunc(t.Checks, func(c kv.Check) bool { return c.Key == k }) {
			full.Checks = append(full.Checks, kv.Check{Key: k, Version: old[i].Version})
		}
	}
	return p.entered(full, head, e)
}

// entered adds an entry to a transaction.
func (p audited) entered(t kv.Txn, head kv.Record, e audit.Entry) (kv.Txn, error) {
	h, err := readHead(t.Tag, head)
	if err != nil {
		return t, err
	}
	h, line, err := h.Append(e)
	if err != nil {
		return t, err
	}
	value, err := marshalHead(p.keys.Seal(h))
	if err != nil {
		return t, err
	}
	t.Checks = append(t.Checks, kv.Check{Key: auditHead(t.Tag), Version: head.Version})
	t.Puts = append(t.Puts, kv.Put{Key: auditHead(t.Tag), Value: value}, kv.Put{Key: auditLine(t.Tag, h.Seq), Value: line})
	member, score := auditMember(t.Tag, h.Seq), float64(e.At.UnixMilli())
	t.Adds = append(t.Adds, kv.IndexAdd{Index: auditIndex(t.Tag), Member: member, Score: score})
	for _, o := range e.Objects {
		t.Adds = append(t.Adds, kv.IndexAdd{Index: auditOf(t.Tag, o.Kind, o.ID), Member: member, Score: score})
	}
	return t, nil
}

func readHead(tag string, rec kv.Record) (h audit.Head, err error) {
	h.Schema, h.Chain = 1, tag
	if rec.Version == 0 {
		return h, nil
	}
	if err := json.Unmarshal(rec.Value, &h); err != nil || h.Chain != tag {
		return h, fmt.Errorf("%w (the head of the audit chain %s)", ErrMisfit, tag)
	}
	return h, nil
}

func marshalHead(h audit.Head) ([]byte, error) { return json.Marshal(h) }

// contactsOf is what the audit log keeps of an account's bindings: their contacts. Tokens of flows, Call-IDs and times are
// nobody's deed.
func contactsOf(record []byte) []byte {
	var r locationRecord
	if len(record) == 0 || json.Unmarshal(record, &r) != nil {
		return nil
	}
	contacts := make([]string, len(r.Bindings))
	for i, b := range r.Bindings {
		contacts[i] = b.URI
	}
	short, err := json.Marshal(map[string][]string{"contacts": contacts})
	if err != nil {
		return nil
	}
	return short
}
