package admin

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/web"
)

// unregister takes the bindings of an account away, all or the one of a contact: the way out for a phone that came back
// from so many addresses that no further one is let in. Phones that are alive return with their next REGISTER.
func (a *API) unregister(c *gin.Context) error {
	id, err := accountID(c)
	if err != nil {
		return err
	}
	if _, _, _, err := web.Query(c, a.Cursors, "contact"); err != nil { // a mistyped name must not remove everything
		return err
	}
	match, err := web.IfMatch(c)
	if err != nil {
		return err
	}
	contact, one := c.GetQuery("contact")
	_, err = a.Locations.Update(c.Request.Context(), id, func(_ account.Account, s location.Set) (location.Set, error) {
		if err := match.Check(web.Tag(s.Version)); err != nil {
			return s, err
		}
		if !one {
			s.Bindings = nil
			return s, nil
		}
		left := slices.DeleteFunc(slices.Clone(s.Bindings), func(b location.Binding) bool { return b.URI == contact })
		if len(left) == len(s.Bindings) {
			return s, web.NotFound("contact of this account: take the uri from its registrations")
		}
		s.Bindings = left
		return s, nil
	})
	if err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
