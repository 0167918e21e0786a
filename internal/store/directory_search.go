package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"sipward/internal/account"
)

// errNotLoaded sends a list back to the store's indexes.
var errNotLoaded = errors.New("the directory is not loaded")

// search finds rows in the directory: those of a page, how many there are in all, and the next cursor.
func (c *core) search(ctx context.Context, f Filter, cursor string, limit int) (ids []account.ID, total int, next string, err error) {
	if c.dir == nil || !c.dir.ready.Load() || cursor != "" && !strings.HasPrefix(cursor, dirCursor) {
		return nil, 0, "", errNotLoaded
	}
	s := sieve{filter: f, limit: limit}
	s.want, s.exact = c.dir.marker.sought(f)
	if s.order, s.down = strings.CutPrefix(f.Sort, "-"); s.order == "" {
		s.order = byCreated
	}
	if s.bound, err = c.stillBound(ctx, f); err != nil {
		return nil, 0, "", err
	}
	if cursor != "" {
		p, err := openPlace(cursor)
		if err != nil {
			return nil, 0, "", err
		}
		s.from = placeRow(s.order, p)
	}
	c.dir.settle()
	c.dir.mu.RLock()
	defer c.dir.mu.RUnlock()
	rows := c.dir.orders[s.order]
	if rows == nil && len(c.dir.rows) > 0 {
		return nil, 0, "", fmt.Errorf("there is no order %q", s.order)
	}
	s.through(rows)
	return s.ids, s.total, s.next, nil
}

// sieve takes from an order what a filter wants.
type sieve struct {
	filter Filter
	want   mark
	exact  bool // the marks tell, nobody has to look at the rows
	bound  map[account.ID]bool
	order  string
	down   bool
	from   *row // the page begins behind it; nil: at the start
	limit  int

	ids   []account.ID
	total int
	next  string
}

// courtesy is after how many rows of a search calls and registrations, whose work takes microseconds, get a turn: the runtime
// would let them wait for 10 ms.
const courtesy = 4096

func (s *sieve) through(rows []marked) {
	compare, want, exact := compareRows(s.order), s.want, s.exact
	all := exact && want == (mark{}) // the filter takes everything: nobody has to count
	var last *row
	for i := range rows {
		e := &rows[i]
		if s.down {
			e = &rows[len(rows)-1-i]
		}
		if i%courtesy == courtesy-1 {
			runtime.Gosched()
		}
		if !e.mark.covers(want) || !exact && !e.row.matches(s.filter, s.bound) {
			continue
		}
		s.total++
		if s.from != nil && !beyond(compare(e.row, s.from), s.down) {
			continue
		}
		if len(s.ids) < s.limit {
			s.ids, last = append(s.ids, e.row.id), e.row
			continue
		}
		if s.next == "" {
			s.next = sealPlace(s.order, last)
		}
		if all {
			s.total = len(rows)
			return
		}
	}
}

// beyond reports whether a row that compares so with the place of the cursor comes behind it.
func beyond(compared int, down bool) bool { return compared > 0 && !down || compared < 0 && down }

// matches applies a filter whose Search is in lower case.
func (r *row) matches(f Filter, bound map[account.ID]bool) bool {
	return (f.Group == "" || f.Group == r.group) && (f.State == "" || f.State == r.state) && (f.Kind == "" || f.Kind == r.kind) &&
		(f.Profile == "" || f.Profile == r.profile) && (f.Registered == nil || bound[r.id] == *f.Registered) &&
		(f.Search == "" || strings.Contains(r.text, f.Search))
}
