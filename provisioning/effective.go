package provisioning

import (
	"strconv"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/web"
)

// layerView is one level of the cascade, the lowest first.
type layerView struct {
	From    string            `json:"from"`
	Profile account.ProfileID `json:"profile_id,omitempty"`
	Name    string            `json:"name,omitempty"`
}

// effectiveView says what applies, and where each value comes from.
type effectiveView struct {
	Layers   []layerView               `json:"layers"`
	Settings map[string]account.Origin `json:"settings"`
}

// accountProfile adds what the account's phone was given.
type accountProfile struct {
	effectiveView
	Version   string            `json:"version"`   // of the configuration as it is now
	Delivered *account.Delivery `json:"delivered"` // null: never
	InSync    bool              `json:"in_sync"`
}

// effectiveProfile shows what a profile makes of the server's settings.
func (a *API) effectiveProfile(c *gin.Context) error {
	p, err := a.profile(c)
	if err != nil {
		return profileFault(err)
	}
	_, origins := account.Cascade(account.Layer{From: "server", Settings: account.DefaultSettings()},
		account.Layer{From: "profile", Profile: p.ID, Settings: p.Settings})
	return web.Show(c, web.Tag(p.Version), effectiveView{Layers: []layerView{{From: "server"}, {"profile", p.ID, p.Name}}, Settings: origins})
}

// accountEffective shows an account's cascade, and whether its phone has the configuration that follows from it.
func (a *API) accountEffective(c *gin.Context) error {
	acc, err := a.account(c)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	eff, err := a.cascade(ctx, acc)
	if err != nil {
		return err
	}
	conf, err := a.configure(ctx, acc)
	if err != nil {
		return err
	}
	_, journal, err := a.Activations.Journal(ctx, acc.ID)
	if err != nil {
		return err
	}
	view := accountProfile{Version: conf.Version, Delivered: journal.Delivered}
	view.InSync = journal.Delivered != nil && journal.Delivered.Version == conf.Version
	view.Settings = eff.origins
	for _, l := range eff.layers {
		v := layerView{From: l.From, Profile: l.Profile}
		if l.Profile != "" {
			if p, err := a.Profiles.ByID(ctx, l.Profile); err == nil {
				v.Name = p.Name
			}
		}
		view.Layers = append(view.Layers, v)
	}
	return web.Show(c, strconv.Quote(conf.Version+"-"+strconv.FormatUint(journal.Version, 10)), view)
}
