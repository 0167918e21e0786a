package admin

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/web"
)

const maxReason = 200 // characters

// errUnchanged ends an update that would change nothing, so that no version and no change is made.
var errUnchanged = errors.New("nothing to change")

type disableBody struct {
	Reason web.Opt[string] `json:"reason"`
}

// disable suspends an account; once it is suspended, doing so again answers the same, and changes at most the reason.
func (a *API) disable(c *gin.Context) error {
	var b disableBody
	if err := web.BindOptional(c, &b); err != nil {
		return err
	}
	reason := strings.TrimSpace(b.Reason.Value)
	if err := account.CheckText(reason, maxReason); err != nil {
		return web.Faults{{Pointer: "/reason", Code: "text", Message: err.Error()}}.Err()
	}
	now, by := a.Now().UTC(), web.Who(c).Label()
	return a.turn(c, func(acc *account.Account) error {
		if !acc.Suspend(by, reason, now) {
			return errUnchanged
		}
		acc.Updated = now
		return nil
	})
}

// enable lifts the suspension; the state returns to what the activation says (active or pending).
func (a *API) enable(c *gin.Context) error {
	if err := web.BindOptional(c, &struct{}{}); err != nil {
		return err
	}
	now := a.Now().UTC()
	return a.turn(c, func(acc *account.Account) error {
		if acc.Suspended == nil {
			return errUnchanged
		}
		acc.Resume()
		acc.Updated = now
		return nil
	})
}

// turn changes the account's state and answers 202: done here, on its way to every node.
func (a *API) turn(c *gin.Context, f func(*account.Account) error) error {
	id, err := accountID(c)
	if err != nil {
		return err
	}
	acc, err := a.Accounts.Update(c.Request.Context(), id, f)
	if errors.Is(err, errUnchanged) {
		acc, err = a.Accounts.ByID(c.Request.Context(), id)
	}
	if err != nil {
		return err
	}
	view := web.NewAccount(acc)
	view.Change = web.ChangeID(acc.ID, acc.Version)
	c.Header("Location", "/api/v1/changes/"+view.Change)
	return web.Changed(c, http.StatusAccepted, web.Tag(acc.Version), view)
}

func accountID(c *gin.Context) (account.ID, error) {
	id := account.ID(c.Param("id"))
	if !id.Valid() {
		return "", account.ErrNotFound
	}
	return id, nil
}
