package provisioning

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/parcel"
	"sipward/internal/web"
)

// logged is a line of the log of secure messages: who, when, what became of it, and nothing of what it says.
type logged struct {
	ID         parcel.ID      `json:"id"`
	From       account.ID     `json:"from_account_id"`
	FromNumber account.Number `json:"from"`
	To         account.ID     `json:"to_account_id"`
	ToNumber   account.Number `json:"to"`
	Size       int            `json:"size"`
	Status     parcel.Status  `json:"status"`
	Detail     string         `json:"detail,omitempty"`
	Received   time.Time      `json:"received_at"`
	Expires    time.Time      `json:"expires_at"`
	Done       *time.Time     `json:"done_at"`
}

// list answers a page of the log, the newest first. A message whose status has changed within the last seconds may be
// shown with the one before.
func (m *Messenger) list(c *gin.Context) error {
	scope, position, limit, err := web.Query(c, m.Cursors, "account_id", "status", "from", "until")
	if err != nil {
		return err
	}
	f, err := web.ParcelFilter(c)
	if err != nil {
		return err
	}
	page, err := m.Parcels.List(c.Request.Context(), f, position, limit)
	if err != nil {
		return err
	}
	items := make([]logged, len(page.Items))
	for i, p := range page.Items {
		items[i] = asLogged(p)
	}
	c.JSON(http.StatusOK, web.List[logged]{Items: items, Next: m.Cursors.Seal(scope, page.Next)})
	return nil
}

func asLogged(p parcel.Parcel) logged {
	l := logged{ID: p.ID, From: p.From, FromNumber: p.FromNumber, To: p.To, ToNumber: p.ToNumber, Size: p.Size, Status: p.Status, Detail: p.Detail,
		Received: p.Accepted, Expires: p.Expires}
	if !p.Done.IsZero() {
		l.Done = &p.Done
	}
	return l
}
