package provisioning

import (
	"strings"
	"time"

	"sipward/internal/account"
)

// redeeming is one redemption under way; apply may run more than once.
type redeeming struct {
	api      *API
	hash     [32]byte
	device   deviceBody
	id       string // of the device, if it is let in
	most     int    // devices that the account may have
	password account.Secret
	now      time.Time
	once     account.Secret
	onceHash [32]byte
	out      redeemed
}

func (r *redeeming) apply(acc *account.Account, j *account.Journal) error {
	r.out = redeemed{}
	l := j.Link(r.hash, account.ToActivate)
	answer, again := j.Repeat(r.hash, r.device.Key, r.now)
	switch {
	case l == nil, !again && l.State(r.now) != account.LinkLive:
		return account.ErrGone
	case acc.Suspended != nil:
		return account.ErrDisabled
	case again:
		if err := r.api.openAnswer(acc.ID, answer, &r.out.secrets); err != nil {
			return err
		}
	default:
		if err := r.first(acc, j, l); err != nil {
			return err
		}
	}
	r.out.link = *j.Link(r.hash, account.ToActivate)
	if r.once != "" {
		j.AddLink(account.Link{
			Purpose: account.ToConfigure, Hash: account.HashText(r.onceHash), Uses: 1, Channel: "page", Expires: j.Answer.Until,
		}, r.now)
	}
	return nil
}

// first is a redemption that is no repetition.
func (r *redeeming) first(acc *account.Account, j *account.Journal, l *account.Link) error {
	pending := acc.State() == account.Pending
	if err := acc.Activate(account.ByLink, r.now); err != nil {
		return err
	}
	used, err := j.Spend(r.hash, account.ToActivate, r.now)
	if err != nil {
		return err
	}
	acc.SetPassword(r.api.Ring, r.api.config.Realm, r.password)
	device := account.Device{ID: r.id, Name: r.device.Name, Platform: r.device.Platform, AppVersion: r.device.AppVersion, ClientKey: r.device.clientKey}
	token := acc.AddDevice(device, r.most, r.now)
	acc.GrantKey(r.now)
	r.out.secrets = secrets{Password: r.password.Reveal(), Device: r.id, Token: token.Reveal()}
	if j.Answer, err = r.api.sealAnswer(acc.ID, used.ID, r.device.Key, r.out.secrets, r.now); err != nil {
		return err
	}
	j.Awaiting = true
	detail := strings.TrimSpace(r.device.Platform + " " + r.device.Name)
	j.Note(account.Step{At: r.now, Name: account.StepRedeemed, Detail: detail, Link: l.ID})
	if pending {
		j.Note(account.Step{At: r.now, Name: account.StepActivated, Link: l.ID})
	}
	return nil
}
