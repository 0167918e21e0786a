package provisioning

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/message"
	"sipward/internal/web"
	"sipward/provisioning/qr"
)

// How long links live; a link that is sent counts from when the gateway took it (see Sent).
const (
	activationLife   = 72 * time.Hour
	installationLife = 30 * 24 * time.Hour
)

// pictureScale is how many pixels a module of a QR code has as PNG.
const pictureScale = 10

// channelLink is the channel by which nothing is sent: the operator hands the link over.
const channelLink = "link"

// inviteBody asks for a message.
type inviteBody struct {
	Kind    web.Opt[string] `json:"kind"`
	Channel web.Opt[string] `json:"channel"`
	To      web.Opt[string] `json:"to"`
}

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

// invite makes a link, revokes the one before it, and sends it or shows it. With Accept: text/html, a link that is shown
// comes as a sheet to print, with image/png or image/svg+xml as its QR code.
func (a *API) invite(c *gin.Context) error {
	var b inviteBody
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	acc, err := a.account(c)
	if err != nil {
		return err
	}
	link, err := inviteOf(b, acc)
	if err != nil {
		return err
	}
	link.By = web.Who(c).Label()
	if link.Purpose == account.ToActivate && acc.Suspended != nil {
		return web.Conflict("suspended", "the account is disabled, and an activation never lifts that: enable it first")
	}
	if link.Channel != channelLink && a.Outbox == nil {
		return web.Unavailable("nothing is configured that could send: set sms.driver or mail.driver, or use the channel link", nil)
	}
	token, link, err := a.newLink(c.Request.Context(), acc.ID, link)
	if err != nil {
		return err
	}
	address := a.address(link.Purpose, token)
	if link.Channel != channelLink {
		if link, err = a.send(c.Request.Context(), acc, link, address); err != nil {
			return err
		}
	}
	return a.answerInvite(c, acc, link, address)
}

func (a *API) answerInvite(c *gin.Context, acc account.Account, link account.Link, address string) error {
	view := a.viewLink(link)
	if link.Channel == channelLink {
		code, err := qr.Encode(address)
		if err != nil {
			return err
		}
		switch accept := c.GetHeader("Accept"); {
		case strings.HasPrefix(accept, "text/html"):
			return a.sheet(c, acc, link, address, code)
		case strings.HasPrefix(accept, "image/"):
			return picture(c, accept, code)
		}
		view.URL, view.QR = address, code.SVG()
	}
	c.JSON(http.StatusCreated, view)
	return nil
}

// picture answers with the link's QR code alone, to be pasted where it is needed.
func picture(c *gin.Context, accept string, code qr.Code) error {
	c.Header("Cache-Control", "no-store")
	if strings.HasPrefix(accept, "image/svg+xml") {
		c.Data(http.StatusCreated, "image/svg+xml", []byte(code.SVG()))
		return nil
	}
	png, err := code.PNG(pictureScale)
	if err != nil {
		return err
	}
	c.Data(http.StatusCreated, "image/png", png)
	return nil
}

// inviteOf reads what was asked for; without a recipient the account's own number or address is meant.
func inviteOf(b inviteBody, acc account.Account) (account.Link, error) {
	var f web.Faults
	link := account.Link{Purpose: account.ToActivate, Channel: channelLink}
	oneOf(&f, "/kind", b.Kind, &link.Purpose, "", account.ToInstall, account.ToActivate)
	oneOf(&f, "/channel", b.Channel, &link.Channel, "", string(message.SMS), string(message.Email), channelLink)
	link.To = strings.TrimSpace(b.To.Or(""))
	switch link.Channel {
	case string(message.SMS):
		if link.To == "" {
			link.To = string(acc.Number)
		}
		n, err := account.ParseNumber(link.To)
		if err != nil || !strings.HasPrefix(string(n), "+") {
			f.Add("/to", "recipient", "is no number that an SMS can go to: give one with + and the country code")
		}
		link.To = string(n)
	case string(message.Email):
		if link.To == "" {
			link.To = acc.Email
		}
		if link.To = email(&f, "/to", link.To); link.To == "" {
			f.Add("/to", "required", "is missing: the account has no e-mail address")
		}
	default:
		text(&f, "/to", link.To, 0, maxEmail) // a note for the operator: to whom it was handed
	}
	return link, f.Err()
}

// newLink makes a link of a purpose and returns its token, which nothing keeps.
func (a *API) newLink(ctx context.Context, id account.ID, l account.Link) (account.Secret, account.Link, error) {
	token, hash := account.NewLinkToken()
	now := a.Now().UTC()
	l.Hash, l.Expires, l.Uses = account.HashText(hash), now.Add(installationLife), 0
	if l.Purpose == account.ToActivate {
		l.Expires, l.Uses = now.Add(activationLife), 1
	}
	_, _, err := a.Activations.Update(ctx, id, func(_ *account.Account, j *account.Journal) error {
		made := j.AddLink(l, now)
		l.ID, l.Generation, l.Created = made.ID, made.Generation, made.Created
		j.Note(account.Step{At: now, Name: account.StepInvited, Detail: string(l.Purpose) + " by " + l.Channel, Link: l.ID, By: l.By})
		return nil
	})
	return token, l, err
}

// address is where a link of a purpose leads.
func (a *API) address(p account.Purpose, token account.Secret) string {
	if p == account.ToInstall {
		return a.url("/i/" + token.Reveal())
	}
	return a.url("/a/" + token.Reveal())
}

// send hands the link to the outbox; when that refuses, the link is revoked, for nobody will ever have it.
func (a *API) send(ctx context.Context, acc account.Account, l account.Link, address string) (account.Link, error) {
	content, err := a.pages.letter(a.config.Name, acc, l, address)
	if err != nil {
		return l, err
	}
	sent, err := a.Outbox.Send(ctx, message.Message{
		Account: acc.ID, Link: l.ID, Kind: message.Kind(l.Purpose), Channel: message.Channel(l.Channel), To: l.To, Content: content,
		Expires: l.Expires, By: l.By,
	})
	_, _, uerr := a.Activations.Update(ctx, acc.ID, func(_ *account.Account, j *account.Journal) error {
		if err != nil {
			j.RevokeLinks("", l.ID, a.Now().UTC())
			j.Note(account.Step{At: a.Now().UTC(), Name: account.StepRevoked, Result: "failed", Reason: "the message could not be queued", Link: l.ID})
			return nil
		}
		eachLink(j, l.ID, func(k *account.Link) { k.Message = string(sent.ID) })
		return nil
	})
	l.Message = string(sent.ID)
	return l, errors.Join(err, uerr)
}

func eachLink(j *account.Journal, id string, f func(*account.Link)) {
	j.Links = slices.Clone(j.Links)
	for i := range j.Links {
		if j.Links[i].ID == id {
			f(&j.Links[i])
		}
	}
}

// MayGo says whether a message may still be sent: its link may have been revoked or used meanwhile. The outbox asks
// before every attempt.
func (a *API) MayGo(ctx context.Context, m message.Message) error {
	if m.Link == "" {
		return nil
	}
	acc, j, err := a.Activations.Journal(ctx, m.Account)
	if err != nil {
		return err
	}
	if m.Kind == message.Activation && acc.Suspended != nil {
		return account.ErrDisabled
	}
	for _, l := range j.Links {
		if l.ID == m.Link && l.State(a.Now()) == account.LinkLive {
			return nil
		}
	}
	return account.ErrGone
}

// Sent is told how far a message has come. It tells those who watch the account's timeline, and lets the lifetime of the
// link in it count from the moment in which the gateway took it.
func (a *API) Sent(ctx context.Context, m message.Message) {
	if m.Account == "" {
		return
	}
	var err error
	if m.Link != "" && m.Status == message.Sent {
		err = a.live(ctx, m)
	}
	if err = errors.Join(err, a.Activations.Tell(ctx, m.Account)); err != nil && !errors.Is(err, account.ErrNotFound) {
		a.Log.WarnContext(ctx, "the lifetime of a link counts from when it was made, or its progress is not told", "account", m.Account, "err", err)
	}
}

func (a *API) live(ctx context.Context, m message.Message) error {
	life := installationLife
	if m.Kind == message.Activation {
		life = activationLife
	}
	_, _, err := a.Activations.Update(ctx, m.Account, func(_ *account.Account, j *account.Journal) error {
		eachLink(j, m.Link, func(l *account.Link) {
			if l.State(a.Now()) == account.LinkLive {
				l.Expires = m.Sent.Add(life)
			}
		})
		return nil
	})
	return err
}

// listLinks lists an account's messages, the newest first.
func (a *API) listLinks(c *gin.Context) error {
	if _, _, _, err := web.Query(c, a.Cursors); err != nil {
		return err
	}
	acc, err := a.account(c)
	if err != nil {
		return err
	}
	_, j, err := a.Activations.Journal(c.Request.Context(), acc.ID)
	if err != nil {
		return err
	}
	sent, err := a.sent(c.Request.Context(), acc.ID)
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

// revokeLink ends a link before its time.
func (a *API) revokeLink(c *gin.Context) error {
	acc, err := a.account(c)
	if err != nil {
		return err
	}
	now, found := a.Now().UTC(), false
	var view linkView
	_, _, err = a.Activations.Update(c.Request.Context(), acc.ID, func(_ *account.Account, j *account.Journal) error {
		if j.RevokeLinks("", c.Param("link"), now) > 0 {
			j.Note(account.Step{At: now, Name: account.StepRevoked, Link: c.Param("link"), By: web.Who(c).Label()})
		}
		eachLink(j, c.Param("link"), func(l *account.Link) { view, found = a.viewLink(*l), true })
		return nil
	})
	if err == nil && !found {
		err = web.NotFound("message: list them with GET /api/v1/accounts/{id}/messages")
	}
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, view)
	return nil
}
