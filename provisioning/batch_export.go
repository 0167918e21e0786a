package provisioning

import (
	"encoding/csv"
	"net/http"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/web"
)

// exportAccounts writes the accounts of a filter as CSV; no cell can be a formula, and no secret is among them.
func (a *API) exportAccounts(c *gin.Context) error {
	if _, _, _, err := web.Query(c, a.Cursors, "group_id", "state", "type", "q", "profile_id", "registered", "sort"); err != nil {
		return err
	}
	filter, err := filterOf(c)
	if err != nil {
		return err
	}
	page, err := a.Accounts.List(c.Request.Context(), filter, "", 500) // before the answer begins
	if err != nil {
		return err
	}
	c.Header("Content-Type", "text/csv; charset=utf-8")
	c.Header("Content-Disposition", `attachment; filename="accounts.csv"`)
	w := csv.NewWriter(c.Writer)
	_ = w.Write([]string{"id", "user", "number", "secondary_number", "owner", "email", "type", "state", "security_model", "group_id", "description"})
	for {
		for _, acc := range page.Items {
			_ = w.Write(cellsOf(acc)) // Flush tells
		}
		w.Flush()
		if page.Next == "" || w.Error() != nil {
			return nil // what the client has got so far cannot be taken back
		}
		if page, err = a.Accounts.List(c.Request.Context(), filter, page.Next, 500); err != nil {
			panic(http.ErrAbortHandler) // the client must see that the file is cut short
		}
	}
}

func cellsOf(acc account.Account) []string {
	cells := []string{string(acc.ID), acc.User, string(acc.Number), string(acc.Secondary), acc.Owner, acc.Email, string(acc.Kind),
		string(acc.State()), string(acc.Security), string(acc.Group), acc.Description}
	for i := range cells {
		cells[i] = web.Harmless(cells[i])
	}
	return cells
}
