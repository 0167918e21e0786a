package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"sipward/internal/account"
	"sipward/internal/operator"
	"sipward/internal/store/kv"
)

// Operators is the repository of operators and their sessions. They are few: all live under one tag.
//
//	{org}operator:<id>         record   operator              {org}operators   index
//	{org}operatorname:<name>   record   operator id by name
//	{org}operatorsub:<subject> record   operator id by subject of single sign-on
//	{org}firstoperator         record   there is, or was, an operator: no set-up link makes another first one
//	{org}session:<hash>        record   session; expires with it
//	{org}setup:<hash>          record   set-up link; expires with it
type Operators struct {
	c        *core
	codec    codec[operator.Operator]
	sessions codec[operator.Session]
	setups   codec[operator.Setup]
}

func newOperators(c *core) *Operators {
	return &Operators{
		c:        c,
		codec:    newCodec(func(o *operator.Operator) string { return o.ID }),
		sessions: newCodec(func(s *operator.Session) string { return s.ID }),
		setups:   newCodec(func(s *operator.Setup) string { return s.ID }),
	}
}

func (r *Operators) key(id string) kv.Key { return r.c.keys.orgKey("operator:" + id) }
func (r *Operators) index() kv.Key        { return r.c.keys.orgKey("operators") }
func (r *Operators) first() kv.Key        { return r.c.keys.orgKey("firstoperator") }

func (r *Operators) name(name string) kv.Key {
	return r.c.keys.orgKey("operatorname:" + base64.RawURLEncoding.EncodeToString([]byte(name)))
}

func (r *Operators) subject(s string) kv.Key {
	return r.c.keys.orgKey("operatorsub:" + base64.RawURLEncoding.EncodeToString([]byte(s)))
}

func (r *Operators) decode(ctx context.Context, id string, rec kv.Record) (operator.Operator, error) {
	if rec.Version == 0 {
		return operator.Operator{}, fmt.Errorf("operator %s: %w", id, account.ErrNotFound)
	}
	o, err := r.codec.decode(id, rec.Value)
	if err != nil {
		r.c.alarm(ctx, "misfit", r.key(id), err)
		return operator.Operator{}, fmt.Errorf("operator %s: %w", id, err)
	}
	o.Version = rec.Version
	return o, nil
}

func checkOperator(o *operator.Operator) error {
	if !plain(o.ID) {
		return fmt.Errorf("operator id %q: make it with operator.NewID", o.ID)
	}
	if name, err := operator.ParseName(o.Name); err != nil || name != o.Name {
		return fmt.Errorf("operator name %q: make it with operator.ParseName", o.Name)
	}
	return nil
}

// Exist reports whether there is, or was, an operator.
func (r *Operators) Exist(ctx context.Context) (bool, error) {
	rec, err := r.c.read(ctx, r.first())
	return rec.Version != 0, err
}

// Create writes a new operator; account.ErrTaken when the name or the subject is in use.
func (r *Operators) Create(ctx context.Context, o operator.Operator) (operator.Operator, error) {
	first, err := r.c.read(ctx, r.first())
	if err != nil {
		return operator.Operator{}, err
	}
	t := kv.Txn{}
	if first.Version == 0 {
		t.Checks, t.Puts = []kv.Check{{Key: r.first()}}, []kv.Put{{Key: r.first(), Value: []byte(o.ID)}}
	}
	return r.create(ctx, o, t)
}

// create adds the operator to a transaction and commits it.
func (r *Operators) create(ctx context.Context, o operator.Operator, t kv.Txn) (operator.Operator, error) {
	if o.Created.IsZero() {
		o.Created = r.c.now().UTC()
	}
	o.Updated = o.Created
	if err := checkOperator(&o); err != nil {
		return operator.Operator{}, err
	}
	value, err := r.codec.encode(&o, nil)
	if err != nil {
		return operator.Operator{}, err
	}
	names := []kv.Key{r.name(o.Name)}
	if o.Subject != "" {
		names = append(names, r.subject(o.Subject))
	}
	recs, err := r.c.kv.Read(ctx, names...)
	if err != nil {
		return operator.Operator{}, err
	}
	for i, field := range []string{"name", "subject"}[:len(recs)] {
		if recs[i].Version != 0 {
			return operator.Operator{}, &account.TakenError{Field: field, Value: o.Name}
		}
		t.Checks = append(t.Checks, kv.Check{Key: names[i]})
		t.Puts = append(t.Puts, kv.Put{Key: names[i], Value: []byte(o.ID)})
	}
	t.Tag = orgTag
	t.Checks = append(t.Checks, kv.Check{Key: r.key(o.ID)})
	t.Puts = append(t.Puts, kv.Put{Key: r.key(o.ID), Value: value})
	t.Adds = append(t.Adds, kv.IndexAdd{Index: r.index(), Member: o.ID, Score: float64(o.Created.UnixMilli())})
	t.Appends = append(t.Appends, r.c.orgChange(account.TopicOrg, "operator/"+o.ID, 1, false))
	if _, err := r.c.kv.Commit(ctx, t); err != nil {
		return operator.Operator{}, err
	}
	o.Version = 1
	return o, nil
}

// ByID reads one operator, account.ErrNotFound.
func (r *Operators) ByID(ctx context.Context, id string) (operator.Operator, error) {
	o, _, err := r.read(ctx, id)
	return o, err
}

func (r *Operators) read(ctx context.Context, id string) (operator.Operator, kv.Record, error) {
	if !plain(id) {
		return operator.Operator{}, kv.Record{}, fmt.Errorf("operator %.40q: %w", id, account.ErrNotFound)
	}
	rec, err := r.c.read(ctx, r.key(id))
	if err != nil {
		return operator.Operator{}, rec, err
	}
	o, err := r.decode(ctx, id, rec)
	return o, rec, err
}

// ByName finds who signs in; the name is canonical.
func (r *Operators) ByName(ctx context.Context, name string) (operator.Operator, error) {
	return r.owner(ctx, r.name(name))
}

// BySubject finds who comes by single sign-on.
func (r *Operators) BySubject(ctx context.Context, subject string) (operator.Operator, error) {
	return r.owner(ctx, r.subject(subject))
}

func (r *Operators) owner(ctx context.Context, key kv.Key) (operator.Operator, error) {
	rec, err := r.c.read(ctx, key)
	if err != nil {
		return operator.Operator{}, err
	}
	if rec.Version == 0 {
		return operator.Operator{}, fmt.Errorf("operator: %w", account.ErrNotFound)
	}
	return r.ByID(ctx, string(rec.Value))
}

// List returns all operators by name.
func (r *Operators) List(ctx context.Context) ([]operator.Operator, error) {
	ids, err := r.c.all(ctx, r.index())
	if err != nil {
		return nil, err
	}
	var list []operator.Operator
	err = r.c.readMany(ctx, keysFor(ids, r.key), func(i int, rec kv.Record) error {
		if o, err := r.decode(ctx, ids[i], rec); err == nil {
			list = append(list, o)
		}
		return nil // deleted meanwhile, or an alarm was raised
	})
	slices.SortFunc(list, func(a, b operator.Operator) int { return strings.Compare(a.Name, b.Name) })
	return list, err
}

// Update is compare-and-swap, as Accounts.Update. Sessions that f takes off the operator end; the name stays. It is
// operator.ErrLast when nobody would be left who lets others in.
func (r *Operators) Update(ctx context.Context, id string, f func(*operator.Operator) error) (out operator.Operator, err error) {
	err = r.c.retry(ctx, account.ID("operator/"+id), func(bool) (err error) {
		out, err = r.update(ctx, id, kv.Txn{}, f)
		return err
	})
	return out, err
}

func (r *Operators) update(ctx context.Context, id string, t kv.Txn, f func(*operator.Operator) error) (operator.Operator, error) {
	cur, rec, err := r.read(ctx, id)
	if err != nil {
		return operator.Operator{}, err
	}
	before, err := r.codec.encode(&cur, rec.Value)
	if err != nil {
		return operator.Operator{}, err
	}
	o := cur
	o.Sessions = slices.Clone(cur.Sessions)
	if cur.Factor != nil {
		factor := *cur.Factor
		factor.Recovery = slices.Clone(factor.Recovery)
		o.Factor = &factor
	}
	if err := f(&o); err != nil {
		return operator.Operator{}, err
	}
	o.ID, o.Name, o.Subject, o.Created, o.Updated, o.Version = id, cur.Name, cur.Subject, cur.Created, cur.Updated, rec.Version // not f's to change
	if after, err := r.codec.encode(&o, rec.Value); err != nil || bytes.Equal(before, after) && len(t.Puts)+len(t.Deletes) == 0 {
		return o, err
	}
	o.Updated = r.c.now().UTC()
	value, err := r.codec.encode(&o, rec.Value)
	if err != nil {
		return operator.Operator{}, err
	}
	t.Tag = orgTag
	t.Checks = append(t.Checks, kv.Check{Key: r.key(id), Version: rec.Version})
	if cur.Reigns() && !o.Reigns() {
		check, err := r.anotherReigns(ctx, id)
		if err != nil {
			return operator.Operator{}, err
		}
		t.Checks = append(t.Checks, check)
	}
	t.Puts = append(t.Puts, kv.Put{Key: r.key(id), Value: value})
	for _, hash := range cur.Sessions {
		if !slices.Contains(o.Sessions, hash) {
			t.Deletes = append(t.Deletes, r.session(hash))
		}
	}
	t.Appends = append(t.Appends, r.c.orgChange(account.TopicOrg, "operator/"+id, rec.Version+1, false))
	if _, err := r.c.kv.Commit(ctx, t); err != nil {
		return operator.Operator{}, err
	}
	o.Version = rec.Version + 1
	return o, nil
}

// anotherReigns returns what must still hold when the operator id steps down.
func (r *Operators) anotherReigns(ctx context.Context, id string) (kv.Check, error) {
	all, err := r.List(ctx)
	if err != nil {
		return kv.Check{}, err
	}
	for _, o := range all {
		if o.ID != id && o.Reigns() {
			return kv.Check{Key: r.key(o.ID), Version: o.Version}, nil
		}
	}
	return kv.Check{}, operator.ErrLast
}

// Delete removes an operator of a version (0: any) and ends the sessions.
func (r *Operators) Delete(ctx context.Context, id string, version uint64) error {
	o, rec, err := r.read(ctx, id)
	if err != nil {
		return err
	}
	if version == 0 {
		version = rec.Version
	}
	t := kv.Txn{
		Tag:     orgTag,
		Checks:  []kv.Check{{Key: r.key(id), Version: version}},
		Deletes: []kv.Key{r.key(id), r.name(o.Name)},
		Removes: []kv.IndexRemove{{Index: r.index(), Member: id}},
		Appends: []kv.Append{r.c.orgChange(account.TopicOrg, "operator/"+id, version+1, true)},
	}
	if o.Subject != "" {
		t.Deletes = append(t.Deletes, r.subject(o.Subject))
	}
	for _, hash := range o.Sessions {
		t.Deletes = append(t.Deletes, r.session(hash))
	}
	if o.Reigns() {
		check, err := r.anotherReigns(ctx, id)
		if err != nil {
			return err
		}
		t.Checks = append(t.Checks, check)
	}
	return r.c.commit(ctx, t)
}

// errSetupGone is a set-up link that lets nobody in any more.
var errSetupGone = fmt.Errorf("set-up link: %w", account.ErrNotFound)
