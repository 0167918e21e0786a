package provisioning

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/failpoint"
	"sipward/internal/web"
)

// The lengths of what a device says of itself.
const (
	maxDeviceText = 100
	maxDeviceKey  = 512
)

// redeemBody is what an app sends. Key is any text that only this device knows: with it, the same device gets the same
// answer again within ten minutes, for the first one may have been lost.
type redeemBody struct {
	Device json.RawMessage `json:"device"`
}

type deviceBody struct {
	Name       string `json:"name"`
	Platform   string `json:"platform"`
	AppVersion string `json:"app_version"`
	Key        string `json:"key"`

	clientKey []byte // of the TLS certificate it shows; nil: none
}

func (b redeemBody) device() (d deviceBody, err error) {
	var f web.Faults
	if len(b.Device) == 0 {
		f.Add("/device", "required", "is missing: say name, platform and app_version")
		return d, f.Err()
	}
	dec := json.NewDecoder(bytes.NewReader(b.Device))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		f.Add("/device", "wrong_type", "must be an object with name, platform, app_version and key, all strings")
		return d, f.Err()
	}
	text(&f, "/device/name", d.Name, 0, maxDeviceText)
	text(&f, "/device/platform", d.Platform, 0, maxDeviceText)
	text(&f, "/device/app_version", d.AppVersion, 0, maxDeviceText)
	text(&f, "/device/key", d.Key, 0, maxDeviceKey)
	return d, f.Err()
}

// redeem uses an activation link up: an app sends JSON, a browser the form of the page.
func (a *API) redeem(c *gin.Context) error {
	guard(c)
	if kind, _, _ := mime.ParseMediaType(c.GetHeader("Content-Type")); kind == "application/x-www-form-urlencoded" {
		return a.redeemForm(c)
	}
	var b redeemBody
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	d, err := b.device()
	if err != nil {
		return err
	}
	form, ok := negotiate(c.GetHeader("Accept")) // before anything is used up
	if !ok {
		return notAcceptable()
	}
	hash, id, err := a.owner(c)
	if err != nil {
		return gonefault(err)
	}
	d.clientKey = web.ClientKey(c.Request)
	got, err := a.redemption(c.Request.Context(), hash, id, d, false)
	if err != nil {
		return gonefault(err)
	}
	return a.deliver(c, form, got)
}

// owner finds whose link the request names. A token that nobody was given counts against its source; one that is expired,
// used or revoked does not, for whole offices open old links.
func (a *API) owner(c *gin.Context) (hash [32]byte, id account.ID, err error) {
	hash, ok := account.ParseLinkToken(c.Param("token"))
	if ok {
		id, err = a.Activations.ByHash(c.Request.Context(), hash)
	}
	if !ok || errors.Is(err, account.ErrNotFound) {
		err = cmp.Or(a.guesses.Wrong(c), account.ErrGone)
	}
	return hash, id, err
}

// redeemed is what a redemption gave.
type redeemed struct {
	account account.Account
	link    account.Link
	secrets secrets
	once    account.Secret // token of the address that apps fetch by GET; only for the page
}

// redemption is the one place where links are used up. The account, its new credential, its device, its permission for
// a key and the link are one transaction: of any number at once, one gets through.
func (a *API) redemption(ctx context.Context, hash [32]byte, id account.ID, d deviceBody, once bool) (out redeemed, err error) {
	r := redeeming{api: a, hash: hash, device: d, id: strings.ToLower(rand.Text()[:12]), password: account.NewSecret(), now: a.Now().UTC()}
	if r.most, err = a.devices(ctx, id); err != nil {
		return out, err
	}
	if once {
		r.once, r.onceHash = account.NewLinkToken()
	}
	acc, _, err := a.Activations.Update(ctx, id, r.apply)
	failpoint.Here(failpoint.BeforeLink)
	switch {
	case errors.Is(err, account.ErrDisabled):
		a.note(ctx, id, account.Step{Name: account.StepRefused, Result: "failed", Reason: account.ErrDisabled.Error(), Detail: d.Platform})
	case errors.Is(err, account.ErrNotFound):
		err = account.ErrGone
	}
	r.out.account, r.out.once = acc, r.once
	return r.out, err
}

// devices is how many devices an account may have, as its profiles say.
func (a *API) devices(ctx context.Context, id account.ID) (int, error) {
	acc, err := a.Accounts.ByID(ctx, id)
	if errors.Is(err, account.ErrNotFound) {
		return 0, account.ErrGone
	}
	if err != nil {
		return 0, err
	}
	eff, err := a.cascade(ctx, acc)
	if err != nil {
		return 0, err
	}
	return *eff.settings.Devices, nil
}

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

func answerAAD(id account.ID, link string) string { return "answer/" + string(id) + "/" + link }

func (a *API) sealAnswer(id account.ID, link, key string, s secrets, now time.Time) (*account.Answer, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return &account.Answer{Link: link, Device: account.DeviceKey(key), Box: a.Answers.Seal(answerAAD(id, link), b), Until: now.Add(account.AnswerLife)}, nil
}

func (a *API) openAnswer(id account.ID, answer account.Answer, into *secrets) error {
	b, err := a.Answers.Open(answerAAD(id, answer.Link), answer.Box)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

// deliver answers with the configuration, secrets included.
func (a *API) deliver(c *gin.Context, f form, got redeemed) error {
	ctx := c.Request.Context()
	conf, err := a.configure(ctx, got.account)
	if err != nil {
		return err
	}
	if f.kind != typeJSON {
		conf.ICE = a.iceServers(got.account.ID, true)
	}
	body, err := f.write(conf.with(got.secrets))
	if err != nil {
		return err
	}
	a.delivered(ctx, got.account.ID, conf.Version, f.name)
	c.Header("ETag", conf.tag())
	c.Data(http.StatusOK, f.kind, body)
	return nil
}

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
