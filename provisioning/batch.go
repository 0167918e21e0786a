package provisioning

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/errgroup"

	"sipward/internal/account"
	"sipward/internal/web"
)

// batchReport is what a dry run says.
type batchReport struct {
	Rows     int                `json:"rows"`
	New      int                `json:"new"`
	Existing int                `json:"existing"` // made from the same row before: left as they are
	Faulty   int                `json:"fault_count"`
	Faults   []account.RowFault `json:"faults"` // the first thousand
}

// batch is a file and what its rows become.
type batch struct {
	file    *os.File // read twice, and once more to undo
	size    int64
	group   account.GroupID
	profile account.ProfileID
	partial bool // leave out faulty rows
}

// each reads the file; rows come ready to be made.
func (b batch) each(faults *batchFaults, twice map[uint64]uint32, f func(row) error) (int, error) {
	return eachRow(b.file, b.size, faults, twice, func(r row) error {
		r.acc.Group, r.acc.Profile, r.acc.ID = b.group, b.profile, rowKey(b.group, r.acc.Number)
		return f(r)
	})
}

// importAccounts makes many wizard accounts of one CSV file: ?group_id and ?profile_id for all of them, ?dry_run=true to
// look only, ?partial=true to leave out faulty rows instead of making nothing.
func (a *API) importAccounts(c *gin.Context) (err error) {
	if _, _, _, err := web.Query(c, a.Cursors, "group_id", "profile_id", "dry_run", "partial"); err != nil {
		return err
	}
	if err := web.CheckMedia(c, "text/csv"); err != nil {
		return err
	}
	var b batch
	dry, err := switches(c, &b.partial)
	if err != nil {
		return err
	}
	if b.group, b.profile, err = a.batchTarget(c); err != nil {
		return err
	}
	if b.file, err = spool(a.config.Spool, c.Request.Body); err != nil {
		return err
	}
	if b.size, err = b.file.Seek(0, io.SeekEnd); err == nil {
		err = a.importFile(c, &b, dry)
	}
	if b.file != nil { // no job has taken it
		err = errors.Join(err, b.file.Close())
	}
	return err
}

// switches reads ?dry_run and ?partial. What is neither true nor false is refused: a dry run that is mistyped would make
// accounts.
func switches(c *gin.Context, partial *bool) (dry bool, err error) {
	var f web.Faults
	for name, into := range map[string]*bool{"dry_run": &dry, "partial": partial} {
		switch c.Query(name) {
		case "true":
			*into = true
		case "false", "":
		default:
			f.Add("?"+name, "choice", "must be true or false")
		}
	}
	return dry, f.Err()
}

func (a *API) importFile(c *gin.Context, b *batch, dry bool) error {
	found, err := a.check(c.Request.Context(), *b)
	if err != nil {
		return err
	}
	if dry {
		c.JSON(http.StatusOK, batchReport{Rows: found.rows, New: found.fresh, Existing: found.existing, Faulty: found.faults.all, Faults: found.faults.list})
		return nil
	}
	if found.faults.all > 0 && !b.partial {
		return rowFaults(found.faults)
	}
	return a.beginImport(c, b, found)
}

// batchTarget is the group and the profile that all rows get.
func (a *API) batchTarget(c *gin.Context) (account.GroupID, account.ProfileID, error) {
	var f web.Faults
	var acc account.Account
	ctx := c.Request.Context()
	err := a.inGroup(ctx, &f, web.Opt[string]{Set: true, Value: c.Query("group_id")}, &acc)
	if err != nil {
		return "", "", err
	}
	acc.Profile = account.ProfileID(c.Query("profile_id"))
	if acc.Profile == "" {
		f.Add("/profile_id", "required", `is missing: a batch needs a profile ("default" ships with the product)`)
	} else if profile(&f, string(acc.Profile)); len(f) == 0 {
		err = a.knows(ctx, &f, acc.Profile)
	}
	for i := range f {
		f[i].Pointer = "?" + strings.TrimPrefix(f[i].Pointer, "/")
	}
	return acc.Group, acc.Profile, errors.Join(err, f.Err())
}

// rowKey is the id of the account that a row makes: the same row in the same group makes the same account, so that a
// file that was sent twice, or half made, makes none twice.
func rowKey(g account.GroupID, n account.Number) account.ID {
	sum := sha256.Sum256([]byte("row\x00" + string(g) + "\x00" + string(n)))
	return account.ID(strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:26])
}

// checked is what the first reading of a file found.
type checked struct {
	rows, fresh, existing int
	todo                  bits // the rows to be made
	faults                batchFaults
}

// lookAhead is how many rows are looked up in the store together.
const lookAhead = 256

// check reads a file and tells new rows from those that were made before, from those whose number another account has,
// and from those that are wrong in themselves.
func (a *API) check(ctx context.Context, b batch) (found checked, err error) {
	window := make([]row, 0, lookAhead)
	look := func() error {
		err := a.lookUp(ctx, window, &found)
		window = window[:0]
		return err
	}
	twice, err := repeats(b.file, b.size)
	if err != nil {
		return found, err
	}
	found.rows, err = b.each(&found.faults, twice, func(r row) error {
		if window = append(window, r); len(window) < lookAhead {
			return nil
		}
		return look()
	})
	err = errors.Join(err, look())
	if found.faults.list == nil {
		found.faults.list = []account.RowFault{}
	}
	slices.SortStableFunc(found.faults.list, func(x, y account.RowFault) int { return x.Row - y.Row })
	return found, err
}

// lookUp asks the store who has the numbers of some rows.
func (a *API) lookUp(ctx context.Context, rows []row, found *checked) error {
	owners := make([]account.ID, len(rows))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(batchWorkers)
	for i, r := range rows {
		g.Go(func() error {
			owner, err := a.Accounts.ByNumber(ctx, r.acc.Number)
			if errors.Is(err, account.ErrNotFound) {
				return nil
			}
			owners[i] = owner.ID
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, r := range rows {
		switch owners[i] {
		case "":
			found.fresh++
			found.todo.add(r.n)
		case r.acc.ID:
			found.existing++
		default:
			found.faults.add(r.line, "gsmNumber", "taken", account.ErrTaken.Error()+": choose another number, or delete that account")
		}
	}
	return nil
}

// rowFaults refuses a file; the pointers name row and column.
func rowFaults(faults batchFaults) error {
	var f web.Faults
	for _, x := range faults.list {
		f.Add(fmt.Sprintf("/rows/%d/%s", x.Row, x.Column), x.Code, x.Message)
	}
	if more := faults.all - len(faults.list); more > 0 {
		f.Add("/rows", "more", fmt.Sprintf("%d more faults are not told: mend these first", more))
	}
	return f.Err()
}

func (a *API) showJob(c *gin.Context) error {
	j, err := a.Jobs.ByID(c.Request.Context(), c.Param("id"))
	if errors.Is(err, account.ErrNotFound) {
		return web.NotFound("job: they are remembered for a week")
	}
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, viewJob(j))
	return nil
}
