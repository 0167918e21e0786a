package store

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"sipward/internal/account"
)

// directory is what a node that serves operators remembers of every account to find it by: about 400 bytes each, 40 MiB
// for 100,000. It is loaded in the background, kept true by the change stream and by this node's own writes, and is a
// hint: whoever lists reads the records it points to, and judges them again. While it is not loaded, lists are read from
// the store's indexes, which knows one order and takes as long as it takes.
type directory struct {
	wake   chan struct{} // capacity 1: there is something to do
	ready  atomic.Bool
	marker marker

	mu     sync.RWMutex // guards what follows
	rows   map[account.ID]*row
	orders map[string][]marked // by name of the order, each sorted; true but for what has moved
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
	d := &directory{wake: make(chan struct{}, 1), marker: marker{maphash.MakeSeed()}}
	d.clear()
	return d
}

func (d *directory) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rows, d.dirty, d.again = map[account.ID]*row{}, map[account.ID]bool{}, false
	d.moved = map[account.ID]*row{}
	d.orders = map[string][]marked{byCreated: nil, byOwner: nil, byNumber: nil}
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
				i, _ := locate(rows, fresh, compare)
				rows = slices.Insert(rows, i, marked{d.marker.of(fresh), fresh})
			}
			d.orders[name] = rows
		}
	}
	clear(d.moved)
}

// sort makes the orders anew.
func (d *directory) sort() {
	rows := make([]marked, 0, len(d.rows))
	for _, r := range d.rows {
		rows = append(rows, marked{d.marker.of(r), r})
	}
	for name := range d.orders {
		compare := compareRows(name)
		slices.SortFunc(rows, func(a, b marked) int { return compare(a.row, b.row) })
		d.orders[name] = slices.Clone(rows)
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

// locate is the place of a row in an order, where it is or would be.
func locate(rows []marked, r *row, compare func(a, b *row) int) (int, bool) {
	return slices.BinarySearchFunc(rows, r, func(e marked, r *row) int { return compare(e.row, r) })
}

func without(rows []marked, old *row, compare func(a, b *row) int) []marked {
	if old == nil {
		return rows
	}
	if i, found := locate(rows, old, compare); found {
		return slices.Delete(rows, i, i+1)
	}
	return rows
}
