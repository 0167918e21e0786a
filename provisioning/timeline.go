package provisioning

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/message"
	"sipward/internal/web"
)

// watchEvery is how often the accounts whose phone has not registered yet are looked at.
const watchEvery = 2 * time.Second

// note adds a step to an account's timeline. What it records has happened already, so a store that fails costs the line,
// not the request.
func (a *API) note(ctx context.Context, id account.ID, s account.Step) {
	s.At = a.Now().UTC()
	_, _, err := a.Activations.Update(ctx, id, func(_ *account.Account, j *account.Journal) error {
		j.Note(s)
		return nil
	})
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		a.Log.WarnContext(ctx, "a step is missing in the timeline", "account", id, "step", string(s.Name), "err", err)
	}
}

// delivered notes which configuration a phone has; the same one again is no news.
func (a *API) delivered(ctx context.Context, id account.ID, version, format string) {
	now := a.Now().UTC()
	_, _, err := a.Activations.Update(ctx, id, func(_ *account.Account, j *account.Journal) error {
		if d := j.Delivered; d != nil && d.Version == version && d.Format == format && now.Sub(d.At) < time.Minute {
			return nil
		}
		if d := j.Delivered; d == nil || d.Version != version || d.Format != format {
			j.Note(account.Step{At: now, Name: account.StepConfigured, Detail: format + ", version " + version})
		}
		j.Delivered = &account.Delivery{Version: version, Format: format, At: now}
		return nil
	})
	if err != nil {
		a.Log.WarnContext(ctx, "it is not noted which configuration a phone has", "account", id, "err", err)
	}
}

// story is what has happened to the account of a request, which asks for nothing else: its journal, and its messages by id.
func (a *API) story(c *gin.Context) (acc account.Account, j account.Journal, sent map[string]message.Message, err error) {
	if _, _, _, err = web.Query(c, a.Cursors); err != nil {
		return acc, j, nil, err
	}
	if acc, err = a.account(c); err != nil {
		return acc, j, nil, err
	}
	if _, j, err = a.Activations.Journal(c.Request.Context(), acc.ID); err != nil {
		return acc, j, nil, err
	}
	sent, err = a.sent(c.Request.Context(), acc.ID)
	return acc, j, sent, err
}

// timeline lists an account's steps, the oldest first, those of its messages among them.
func (a *API) timeline(c *gin.Context) error {
	acc, j, sent, err := a.story(c)
	if err != nil {
		return err
	}
	steps := slices.Clone(j.Steps)
	if !slices.ContainsFunc(steps, func(s account.Step) bool { return s.Name == account.StepCreated }) {
		steps = append(steps, account.Step{At: acc.Created.UTC(), Name: account.StepCreated, Result: "ok", Detail: string(acc.Way)})
	}
	for _, m := range sent {
		steps = append(steps, stepsOf(m)...)
	}
	slices.SortStableFunc(steps, func(x, y account.Step) int { return x.At.Compare(y.At) })
	if steps == nil {
		steps = []account.Step{}
	}
	c.JSON(http.StatusOK, web.List[account.Step]{Items: steps})
	return nil
}

// stepsOf is a message's history in the words of the timeline.
func stepsOf(m message.Message) (steps []account.Step) {
	for _, e := range m.History {
		s := account.Step{At: e.At.UTC(), Name: account.StepName(e.Status), Result: "ok", Detail: string(m.Kind) + " by " + string(m.Channel), Link: m.Link}
		if e.Status.Final() && e.Status != message.Delivered {
			s.Result, s.Reason = "failed", e.Detail
		}
		steps = append(steps, s)
	}
	return steps
}

// Run watches for first registrations, and forgets answers whose ten minutes are over, until ctx ends. It may run on
// every node: what one has noted the others see.
func (a *API) Run(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			a.watch(ctx)
		case <-ctx.Done():
			a.imports.wait()
			return nil
		}
	}
}

func (a *API) watch(ctx context.Context) {
	ids, err := a.Activations.Awaiting(ctx)
	if err != nil {
		return // the store is away; its adapter tells
	}
	for _, id := range ids {
		if err := a.look(ctx, id); err != nil && ctx.Err() == nil && !errors.Is(err, account.ErrNotFound) {
			a.Log.WarnContext(ctx, "an account's first registration is not noted yet", "account", id, "err", err)
		}
	}
}

// look reads first and writes only when there is something to say.
func (a *API) look(ctx context.Context, id account.ID) error {
	_, set, err := a.Locations.Lookup(ctx, id)
	if err != nil {
		return err
	}
	_, j, err := a.Activations.Journal(ctx, id)
	if err != nil {
		return err
	}
	now := a.Now().UTC()
	live := set.Live(now)
	registered := j.Awaiting && len(live) > 0
	if expired := j.Answer != nil && !now.Before(j.Answer.Until); !registered && !expired {
		return nil
	}
	_, _, err = a.Activations.Update(ctx, id, func(_ *account.Account, j *account.Journal) error {
		if j.Answer != nil && !now.Before(j.Answer.Until) {
			j.Answer = nil
		}
		if registered && j.Awaiting {
			j.Awaiting = false
			j.Note(account.Step{At: live[0].Since.UTC(), Name: account.StepRegistered, Detail: live[0].Network + ", " + live[0].Agent})
		}
		return nil
	})
	return err
}
