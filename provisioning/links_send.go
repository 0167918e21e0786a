package provisioning

import (
	"context"
	"errors"
	"slices"

	"sipward/internal/account"
	"sipward/internal/message"
)

// channelLink is the channel by which nothing is sent: the operator hands the link over.
const channelLink = "link"

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
