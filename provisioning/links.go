package provisioning

import (
	"context"
	"net/http"
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

// inviteBody asks for a message.
type inviteBody struct {
	Kind    web.Opt[string] `json:"kind"`
	Channel web.Opt[string] `json:"channel"`
	To      web.Opt[string] `json:"to"`
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
		text(&f, "/to", link.To, 0, account.MaxEmail) // a note for the operator: to whom it was handed
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

// revokeLink ends a link before its time.
func (a *API) revokeLink(c *gin.Context) error {
	acc, err := a.account(c)
	if err != nil {
		return err
	}
	now, found := a.Now().UTC(), false
	var view linkView
	_, _, err = a.Activations.Update(c.Request.Context(), acc.ID, func(_ *account.Account, j *account.Journal) error {
		if len(j.RevokeLinks("", c.Param("link"), now)) > 0 {
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
