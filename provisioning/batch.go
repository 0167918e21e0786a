package provisioning

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/web"
)

// batchReport is what a dry run says.
type batchReport struct {
	Rows     int                `json:"rows"`
	New      int                `json:"new"`
	Existing int                `json:"existing"` // made from the same row before: left as they are
	Faults   []account.RowFault `json:"faults"`
}

// importAccounts makes many wizard accounts of one CSV file: ?group_id and ?profile_id for all of them, ?dry_run=true to
// look only, ?partial=true to leave out faulty rows instead of making nothing.
func (a *API) importAccounts(c *gin.Context) error {
	if _, _, _, err := web.Query(c, a.Cursors, "group_id", "profile_id", "dry_run", "partial"); err != nil {
		return err
	}
	if err := web.CheckMedia(c, "text/csv"); err != nil {
		return err
	}
	group, profile, err := a.batchTarget(c)
	if err != nil {
		return err
	}
	file, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return web.BodyFault(err)
	}
	rows, faults := parseBatch(file)
	for i := range rows {
		rows[i].acc.Group, rows[i].acc.Profile = group, profile
		rows[i].acc.ID = rowKey(group, rows[i].acc.Number)
	}
	fresh, existing, err := a.sortRows(c.Request.Context(), rows, &faults)
	if err != nil {
		return err
	}
	if faults == nil {
		faults = batchFaults{}
	}
	if c.Query("dry_run") == "true" {
		c.JSON(http.StatusOK, batchReport{Rows: len(rows), New: len(fresh), Existing: existing, Faults: faults})
		return nil
	}
	if partial := c.Query("partial") == "true"; len(faults) > 0 && !partial {
		return rowFaults(faults)
	}
	return a.beginImport(c, fresh, existing, faults, c.Query("partial") == "true")
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

// sortRows tells new rows from those that were made before, and from numbers that others have.
func (a *API) sortRows(ctx context.Context, rows []row, f *batchFaults) (fresh []row, existing int, err error) {
	for _, r := range rows {
		owner, err := a.Accounts.ByNumber(ctx, r.acc.Number)
		switch {
		case errors.Is(err, account.ErrNotFound):
			fresh = append(fresh, r)
		case err != nil:
			return nil, 0, err
		case owner.ID == r.acc.ID:
			existing++
		default:
			f.add(r.line, "gsmNumber", "taken", account.ErrTaken.Error()+": choose another number, or delete that account")
		}
	}
	return fresh, existing, nil
}

// rowFaults refuses a file; the pointers name row and column.
func rowFaults(faults batchFaults) error {
	var f web.Faults
	for _, x := range faults {
		f.Add(fmt.Sprintf("/rows/%d/%s", x.Row, x.Column), x.Code, x.Message)
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
