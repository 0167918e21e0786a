package provisioning

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/web"
)

// fetchOnce gives the configuration to an app that can only GET. This address, and no other, is used up by a GET: it is
// made by a redemption alone, is shown to nobody but the person who redeemed, and ends after ten minutes.
func (a *API) fetchOnce(c *gin.Context) error {
	guard(c)
	var f form
	for _, x := range forms() {
		if x.name == c.Param("file") {
			f = x
		}
	}
	if f.write == nil || prefetch(c.Request) {
		return gone()
	}
	ctx := c.Request.Context()
	hash, id, err := a.owner(c)
	if err != nil {
		return gonefault(err)
	}
	var got redeemed
	acc, _, err := a.Activations.Update(ctx, id, func(acc *account.Account, j *account.Journal) error {
		if j.Answer == nil {
			return account.ErrGone
		}
		if _, err := j.Spend(hash, account.ToConfigure, a.Now().UTC()); err != nil {
			return err
		}
		if acc.Suspended != nil {
			return account.ErrDisabled
		}
		return a.openAnswer(acc.ID, *j.Answer, &got.secrets)
	})
	if err != nil {
		return gonefault(err)
	}
	got.account = acc
	return a.deliver(c, f, got)
}

// currentConfig gives a device the configuration as it is now; secrets are not in it, and do not change.
func (a *API) currentConfig(c *gin.Context) error {
	acc, device, err := a.Devices.Who(c)
	if err != nil {
		return err
	}
	if err := acc.May(account.Fetch); err != nil {
		return err
	}
	if f, ok := negotiate(c.GetHeader("Accept")); !ok || f.kind != typeJSON {
		return notAcceptable()
	}
	conf, err := a.configure(c.Request.Context(), acc)
	if err != nil {
		return err
	}
	conf.Device = &configDevice{ID: device.ID}
	a.delivered(c.Request.Context(), acc.ID, conf.Version, "config.json")
	c.Header("Content-Type", typeJSON)
	return web.Show(c, conf.tag(), conf)
}

func gone() error {
	return &web.Problem{Type: "urn:sipward:problem:gone", Title: "The link is not valid", Status: http.StatusGone, Code: "gone",
		Detail: account.ErrGone.Error() + ": ask your administrator for a new one"}
}

// gonefault tells nobody apart: unknown, expired, used and revoked are one answer.
func gonefault(err error) error {
	if errors.Is(err, account.ErrGone) || errors.Is(err, account.ErrNotFound) {
		return gone()
	}
	return err
}

func notAcceptable() error {
	return &web.Problem{Type: "urn:sipward:problem:not_acceptable", Title: "No such form", Status: http.StatusNotAcceptable, Code: "not_acceptable",
		Detail: "ask for " + typeJSON + ", " + typeLinphone + " or " + typeAcrobits + " (a device's own configuration comes as the first alone)"}
}
