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
