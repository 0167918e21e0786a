package provisioning

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/message"
	"sipward/internal/web"
)

// linkView is a link as the API shows it: never its token, but in the answer that made it.
type linkView struct {
	ID         string          `json:"id"`
	Kind       account.Purpose `json:"kind"`
	Channel    string          `json:"channel"`
	To         *string         `json:"to"`
	State      string          `json:"state"` // live, used, expired, revoked
	Generation uint64          `json:"generation"`
	By         string          `json:"created_by"`
	Created    time.Time       `json:"created_at"`
	Expires    time.Time       `json:"expires_at"`
	Opened     *time.Time      `json:"opened_at"` // by a person: "Installation clicked"
	Previews   int             `json:"previews"`  // by machines
	Used       *time.Time      `json:"used_at"`
	Message    *messageView    `json:"message"` // null: nothing was sent
	URL        string          `json:"url,omitempty"`
	QR         string          `json:"qr_svg,omitempty"`
}

// messageView is how far the message that carries a link has come.
type messageView struct {
	ID     string         `json:"id"`
	Status message.Status `json:"status"`
	Reason string         `json:"reason,omitempty"`
}

func (a *API) viewLink(l account.Link) linkView {
	v := linkView{
		ID: l.ID, Kind: l.Purpose, Channel: l.Channel, State: l.State(a.Now()), Generation: l.Generation, By: l.By,
		Created: l.Created.UTC(), Expires: l.Expires.UTC(), Opened: orNever(l.Opened), Previews: l.Previews, Used: orNever(l.Spent),
	}
	if l.To != "" {
		v.To = &l.To
	}
	if l.Message != "" {
		v.Message = &messageView{ID: l.Message, Status: message.Queued}
	}
	return v
}

// listLinks lists an account's messages, the newest first.
func (a *API) listLinks(c *gin.Context) error {
	_, j, sent, err := a.story(c)
	if err != nil {
		return err
	}
	list := web.List[linkView]{Items: []linkView{}}
	for _, l := range slices.Backward(j.Links) {
		if l.Purpose == account.ToConfigure {
			continue
		}
		v := a.viewLink(l)
		if m, ok := sent[l.Message]; ok && l.Message != "" {
			v.Message = &messageView{ID: l.Message, Status: m.Status, Reason: m.Reason}
		}
		list.Items = append(list.Items, v)
	}
	c.JSON(http.StatusOK, list)
	return nil
}

// sent are the messages of an account by id.
func (a *API) sent(ctx context.Context, id account.ID) (map[string]message.Message, error) {
	found := map[string]message.Message{}
	if a.Messages == nil {
		return found, nil
	}
	page, err := a.Messages.List(ctx, message.Filter{Account: id}, "", 100)
	for _, m := range page.Items {
		found[string(m.ID)] = m
	}
	return found, err
}
