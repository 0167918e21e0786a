package provisioning

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/keylog"
	"sipward/internal/web"
)

// MessageKeys is the directory of keys for end-to-end messages.
type MessageKeys interface {
	Grant(ctx context.Context, id account.ID) error
	Put(ctx context.Context, id account.ID, device, fingerprint string, certificate []byte) (account.Account, error)
	Revoke(ctx context.Context, id account.ID) (account.Account, error)
	Proof(ctx context.Context, a account.Account) (keylog.Proof, error)
}

// KeyAccounts finds whose key is asked for. ByNumber may answer from the node's cache, which follows the changes.
type KeyAccounts interface {
	ByID(ctx context.Context, id account.ID) (account.Account, error)
	CachedByNumber(ctx context.Context, n account.Number) (account.Account, error)
}

// KeyDeps is what the directory's API needs.
type KeyDeps struct {
	Accounts KeyAccounts
	Keys     MessageKeys
	Devices  *web.Devices
	NonceKey []byte             // the same on every node: any of them checks what another gave out
	LogKey   ed25519.PrivateKey // signs the log's head, the same on every node
	Now      func() time.Time
}

// KeyDirectory is the API of the keys: phones put and get them, operators look and revoke.
type KeyDirectory struct{ KeyDeps }

// NewKeyDirectory checks that nothing is missing.
func NewKeyDirectory(d KeyDeps) (*KeyDirectory, error) {
	if d.Accounts == nil || d.Keys == nil || d.Devices == nil || len(d.NonceKey) < 16 || len(d.LogKey) != ed25519.PrivateKeySize || d.Now == nil {
		return nil, errors.New("provisioning: accounts, keys, devices, nonce key, log key and clock are all needed")
	}
	return &KeyDirectory{d}, nil
}

// PublicRoutes is the phones' table.
func (k *KeyDirectory) PublicRoutes() []web.Route {
	return []web.Route{
		{Method: http.MethodPost, Path: "/v1/keys/nonces", Role: web.Public, MaxBody: 1 << 10, Handle: k.nonce},
		{Method: http.MethodPut, Path: "/v1/keys", Role: web.Public, MaxBody: 16 << 10, Handle: k.put},
		{Method: http.MethodPost, Path: "/v1/keys/grants", Role: web.Public, MaxBody: 1 << 10, Handle: k.grant},
		{Method: http.MethodGet, Path: "/v1/key-log", Role: web.Public, Handle: k.logKey},
		{Method: http.MethodGet, Path: "/v1/keys/:number", Role: web.Public, Handle: k.get},
	}
}

// Routes is the operators' table.
func (k *KeyDirectory) Routes() []web.Route {
	const one = "/api/v1/accounts/:id"
	return []web.Route{
		{Method: http.MethodGet, Path: one + "/keys", Role: account.Auditor, Handle: k.show},
		{Method: http.MethodPost, Path: one + "/revoke-keys", Role: account.Operator, Handle: k.revoke},
	}
}

// logKey tells which key signs the log; a phone keeps the one it got with its activation.
func (k *KeyDirectory) logKey(c *gin.Context) error {
	if _, _, err := k.Devices.Who(c); err != nil {
		return err
	}
	public, _ := k.LogKey.Public().(ed25519.PublicKey) // what an ed25519.PrivateKey returns
	c.JSON(http.StatusOK, map[string][]byte{"public_key": public})
	return nil
}

type grantBody struct {
	Reason string `json:"reason"`
}

// grant permits one upload. The reason is checked and forgotten: the answer, the log and what is stored are the same for
// each, so that nobody can tell that a duress code was used.
func (k *KeyDirectory) grant(c *gin.Context) error {
	a, _, err := k.Devices.Who(c)
	if err == nil {
		err = a.May(account.UploadKey)
	}
	if err != nil {
		return err
	}
	var b grantBody
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	switch b.Reason {
	case "pin_enabled", "pin_disabled", "duress":
	default:
		return web.Faults{{Pointer: "/reason", Code: "unknown", Message: "must be pin_enabled, pin_disabled or duress"}}.Err()
	}
	if err := k.Keys.Grant(c.Request.Context(), a.ID); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// keyShown is a key as phones get it, with the proof that it is in the log.
type keyShown struct {
	Number      account.Number `json:"number"`
	Fingerprint string         `json:"fingerprint"`
	Certificate []byte         `json:"certificate"` // DER in base64
	Revision    uint64         `json:"revision"`
	Uploaded    time.Time      `json:"uploaded_at"`
	Log         keylog.Proof   `json:"log"`
}

// get answers the key of a number; nobody, no key and an account that is not active look the same.
func (k *KeyDirectory) get(c *gin.Context) error {
	asker, _, err := k.Devices.Who(c)
	if err != nil {
		return err
	}
	if err := asker.May(account.Message); err != nil {
		return err
	}
	none := web.Refusal(http.StatusNotFound, "no_key", "There is no key", "no key for messages stands for this number")
	n, err := account.ParseNumber(c.Param("number"))
	if err != nil {
		return none
	}
	a, err := k.Accounts.CachedByNumber(c.Request.Context(), n)
	if errors.Is(err, account.ErrNotFound) || err == nil && (a.Keys.Fingerprint == "" || a.May(account.BeMessaged) != nil) {
		return none
	}
	if err != nil {
		return err
	}
	shown, err := k.proven(c.Request.Context(), a)
	if err != nil {
		return err
	}
	shown.Number = n
	return web.Show(c, `W/"`+a.Keys.Fingerprint[:32]+`"`, shown)
}

// proven is an account's key with its proof.
func (k *KeyDirectory) proven(ctx context.Context, a account.Account) (keyShown, error) {
	p, err := k.Keys.Proof(ctx, a)
	if err != nil {
		return keyShown{}, err
	}
	p.Sign(k.LogKey)
	return keyShown{Number: a.Number, Fingerprint: a.Keys.Fingerprint, Certificate: a.Keys.Certificate, Revision: a.Keys.Revision,
		Uploaded: a.Keys.Uploaded, Log: p}, nil
}

// keyState is what operators see: never why a permission arose.
type keyState struct {
	Account     account.ID `json:"account_id"`
	Fingerprint *string    `json:"fingerprint"`
	Revision    uint64     `json:"revision"`
	Uploaded    *time.Time `json:"uploaded_at"`
	Revoked     *time.Time `json:"revoked_at"`
	MayUpload   bool       `json:"may_upload"`
}

func (k *KeyDirectory) show(c *gin.Context) error {
	return k.on(c, k.Accounts.ByID)
}

// revoke takes the key away on all nodes; what is uploaded next needs a new reason.
func (k *KeyDirectory) revoke(c *gin.Context) error {
	var none struct{}
	if err := web.BindOptional(c, &none); err != nil {
		return err
	}
	return k.on(c, k.Keys.Revoke)
}

func (k *KeyDirectory) on(c *gin.Context, do func(context.Context, account.ID) (account.Account, error)) error {
	id := account.ID(c.Param("id"))
	if !id.Valid() {
		return account.ErrNotFound
	}
	a, err := do(c.Request.Context(), id)
	if err != nil {
		return err
	}
	s := keyState{Account: id, Revision: a.Keys.Revision, MayUpload: !a.Keys.Granted.IsZero()}
	if a.Keys.Fingerprint != "" {
		s.Fingerprint, s.Uploaded = &a.Keys.Fingerprint, &a.Keys.Uploaded
	}
	if !a.Keys.Revoked.IsZero() {
		s.Revoked = &a.Keys.Revoked
	}
	c.JSON(http.StatusOK, s)
	return nil
}
