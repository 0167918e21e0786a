package store

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"sipward/internal/account"
)

// directory is what a node that serves operators remembers of every account to find it by: about 300 bytes each, 30 MiB
// for 100,000. It is loaded in the background, kept true by the change stream and by this node's own writes, and is a
// hint: whoever lists reads the records it points to, and judges them again. While it is not loaded, lists are read from
// the store's indexes, which knows one order and takes as long as it takes.
type directory struct {
	wake  chan struct{} // capacity 1: there is something to do
	ready atomic.Bool

	mu     sync.RWMutex // guards what follows
	rows   map[account.ID]*row
	orders map[string][]*row   // by name of the order, each sorted; true but for what has moved
	moved  map[account.ID]*row // what the orders still hold of these; nil: nothing
	dirty  map[account.ID]bool
	again  bool // the stream was lost: load anew
}

// row is one account, ready to be searched.
type row struct {
	id       account.ID
	version  uint64
	created  int64 // ms
	group    account.GroupID
	profile  account.ProfileID
	kind     account.Kind
	state    account.State
	way      account.Way
	language account.Language
	text     string // what a search looks into, lower case, one part a line
	owner    string // parts of text
	number   string
}

func newRow(a *account.Account) *row {
	parts := []string{a.Owner, string(a.Number), a.User, string(a.Secondary), a.Description, a.Email}
	text := strings.ToLower(strings.Join(parts, "\n"))
	r := &row{
		id: a.ID, version: a.Version, created: a.Created.UnixMilli(), group: a.Group, profile: a.Profile, kind: a.Kind, state: a.State(), way: a.Way,
		language: a.Language, text: text,
	}
	r.owner, text, _ = strings.Cut(text, "\n")
	r.number, _, _ = strings.Cut(text, "\n")
	return r
}

// The orders of a list; each ends with the id, so that it is total.
const (
	byCreated = "created"
	byOwner   = "owner"
	byNumber  = "number"
)

func compareRows(order string) func(a, b *row) int {
	switch order {
	case byOwner:
		return func(a, b *row) int { return cmp.Or(strings.Compare(a.owner, b.owner), cmp.Compare(a.id, b.id)) }
	case byNumber:
		return func(a, b *row) int { return cmp.Or(strings.Compare(a.number, b.number), cmp.Compare(a.id, b.id)) }
	}
	return func(a, b *row) int { return cmp.Or(cmp.Compare(a.created, b.created), cmp.Compare(a.id, b.id)) }
}

func newDirectory() *directory {
	d := &directory{wake: make(chan struct{}, 1)}
	d.clear()
	return d
}

func (d *directory) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rows, d.dirty, d.again = map[account.ID]*row{}, map[account.ID]bool{}, false
	d.moved = map[account.ID]*row{}
	d.orders = map[string][]*row{byCreated: nil, byOwner: nil, byNumber: nil}
}

func (d *directory) call() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// changed notes that the account must be read again; lost, that all must.
func (d *directory) changed(id account.ID) {
	if d == nil {
		return
	}
	d.mu.Lock()
	d.dirty[id] = true
	d.mu.Unlock()
	d.call()
}

func (d *directory) lost() {
	if d == nil {
		return
	}
	d.mu.Lock()
	d.again = true
	d.mu.Unlock()
	d.call()
}

// put enters an account, unless a newer version is there.
func (d *directory) put(a *account.Account) {
	if d == nil {
		return
	}
	fresh := newRow(a)
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.rows[a.ID]
	if old != nil && old.version > fresh.version {
		return
	}
	d.rows[a.ID] = fresh
	d.move(a.ID, old)
}

// move notes that the orders hold an account no longer as it is; they are put right when somebody looks, so that a batch
// of many accounts sorts once.
func (d *directory) move(id account.ID, old *row) {
	if _, there := d.moved[id]; !there {
		d.moved[id] = old
	}
}

// fewMoved is up to how many accounts are moved one by one; beyond, sorting anew is cheaper.
const fewMoved = 256

// settle puts the orders right.
func (d *directory) settle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.moved) > fewMoved {
		d.sort()
	}
	for id, old := range d.moved {
		for name, rows := range d.orders {
			compare := compareRows(name)
			rows = without(rows, old, compare)
			if fresh := d.rows[id]; fresh != nil {
				i, _ := slices.BinarySearchFunc(rows, fresh, compare)
				rows = slices.Insert(rows, i, fresh)
			}
			d.orders[name] = rows
		}
	}
	clear(d.moved)
}

// sort makes the orders anew.
func (d *directory) sort() {
	for name := range d.orders {
		rows := make([]*row, 0, len(d.rows))
		for _, r := range d.rows {
			rows = append(rows, r)
		}
		slices.SortFunc(rows, compareRows(name))
		d.orders[name] = rows
	}
	clear(d.moved)
}

// drop takes a deleted account out.
func (d *directory) drop(id account.ID) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.rows[id]
	delete(d.rows, id)
	d.move(id, old)
}

func without(rows []*row, old *row, compare func(a, b *row) int) []*row {
	if old == nil {
		return rows
	}
	if i, found := slices.BinarySearchFunc(rows, old, compare); found {
		return slices.Delete(rows, i, i+1)
	}
	return rows
}
