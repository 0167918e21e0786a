package admin

import (
	"errors"
	"net/http"
	"runtime"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/web"
)

func (a *API) nodes(c *gin.Context) error {
	nodes, err := a.Nodes.List(c.Request.Context())
	if err != nil {
		return err
	}
	list := web.List[account.Node]{Items: make([]account.Node, 0, len(nodes))}
	for _, n := range nodes {
		n.Started, n.Seen = n.Started.UTC(), n.Seen.UTC()
		list.Items = append(list.Items, n)
	}
	c.JSON(http.StatusOK, list)
	return nil
}

// changeView is how far a change has come.
type changeView struct {
	ID      string       `json:"id"`
	Account account.ID   `json:"account_id"`
	Version uint64       `json:"version"`
	Status  string       `json:"status"` // pending, effective
	Nodes   []nodeEffect `json:"nodes"`
}

type nodeEffect struct {
	ID        string `json:"id"`
	Effective bool   `json:"effective"`
}

func (a *API) change(c *gin.Context) error {
	id, version, err := web.ParseChange(c.Param("version"))
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	acc, err := a.Accounts.ByID(ctx, id)
	if errors.Is(err, account.ErrNotFound) || err == nil && version > acc.Version {
		return web.NotFound("change: take the id from the answer to disable, enable or PATCH")
	}
	if err != nil {
		return err
	}
	effect, err := a.Effects.Effect(ctx, id, version)
	if err != nil {
		return err
	}
	nodes, err := a.Nodes.List(ctx)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, viewChange(id, effect, nodes))
	return nil
}

// viewChange lists every living node, and those silent ones that are still waited for.
func viewChange(id account.ID, e account.Effect, nodes []account.Node) changeView {
	v := changeView{ID: web.ChangeID(id, e.Version), Account: id, Version: e.Version, Status: "pending", Nodes: []nodeEffect{}}
	if e.Effective {
		v.Status = "effective"
	}
	for _, n := range nodes {
		if !slices.Contains(e.Pending, n.ID) {
			v.Nodes = append(v.Nodes, nodeEffect{ID: n.ID, Effective: true})
		}
	}
	for _, n := range e.Pending {
		v.Nodes = append(v.Nodes, nodeEffect{ID: n})
	}
	slices.SortFunc(v.Nodes, func(x, y nodeEffect) int { return strings.Compare(x.ID, y.ID) })
	return v
}

func (a *API) version(c *gin.Context) error {
	c.JSON(http.StatusOK, map[string]string{"version": a.Version, "go_version": runtime.Version()})
	return nil
}
