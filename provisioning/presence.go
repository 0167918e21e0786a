package provisioning

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/web"
)

const (
	// maxNumbers is how many numbers one question may have.
	maxNumbers = 200
	// askedPerMinute is how many numbers one account may ask about within a minute, on each node: an address book, and no
	// list of everybody.
	askedPerMinute = 1000
)

// presenceBody is a question about the numbers of an address book.
type presenceBody struct {
	Numbers []string `json:"numbers"`
}

// presence is what is told about a number. Whether a number that takes no calls exists is not told.
type presence struct {
	Number string `json:"number"` // as it was asked
	Known  bool   `json:"known"`  // an account has it and is in service
	Online bool   `json:"online"` // and a phone of it is registered
}

// presence tells which numbers are those of accounts here, and which of them can be reached now.
func (m *Messenger) presence(c *gin.Context) error {
	a, _, err := m.Devices.Who(c)
	if err != nil {
		return err
	}
	if err := a.May(account.Subscribe); err != nil {
		return err
	}
	var b presenceBody
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	if n := len(b.Numbers); n == 0 || n > maxNumbers {
		return web.Faults{{Pointer: "/numbers", Code: "range", Message: "must have 1 to 200 numbers"}}.Err()
	}
	if wait := m.asked.Take(a.ID, len(b.Numbers)); wait > 0 {
		return web.TooMany(wait)
	}
	items := make([]presence, len(b.Numbers))
	for i, n := range b.Numbers {
		if items[i], err = m.about(c.Request.Context(), n); err != nil {
			return err
		}
	}
	c.JSON(http.StatusOK, map[string][]presence{"items": items})
	return nil
}

func (m *Messenger) about(ctx context.Context, asked string) (p presence, err error) {
	p.Number = asked
	number, err := account.ParseNumber(asked)
	if err != nil {
		return p, nil
	}
	a, err := m.Numbers.CachedByNumber(ctx, number)
	if err == nil && a.May(account.BeCalled) == nil {
		var found account.Account
		found, set, failed := m.Locations.Lookup(ctx, a.ID)
		if err = failed; err == nil && found.May(account.BeCalled) == nil {
			p.Known, p.Online = true, len(set.Live(m.Now())) > 0
		}
	}
	if errors.Is(err, account.ErrNotFound) {
		err = nil
	}
	return p, err
}
