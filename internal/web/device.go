package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
)

// DeviceTokens finds the account and the device of a token, taken apart by account.ParseDeviceToken;
// account.ErrNotFound when the device is not let in.
type DeviceTokens interface {
	ByHash(ctx context.Context, id account.ID, hash [32]byte) (account.Account, account.Device, error)
}

// Devices tells which device asks, for the routes of the device API; those are [Public] to the floor, which knows
// operators only.
type Devices struct {
	tokens   DeviceTokens
	failures *sources // failed attempts per source
}

// NewDevices counts failed attempts like failed sign-ins of operators: 20 at once, then one a second and source.
func NewDevices(t DeviceTokens, exempt []netip.Prefix, now func() time.Time) *Devices {
	return &Devices{tokens: t, failures: newSources(1, 20, exempt, now)}
}

// Who returns the account and the device whose token the request shows (RFC 6750 section 2.1). What the account may do
// is the handler's question: account.May.
func (d *Devices) Who(c *gin.Context) (account.Account, account.Device, error) {
	a, device, err := d.identify(c.Request.Context(), c.GetHeader("Authorization"))
	if err == nil && len(device.ClientKey) > 0 && subtle.ConstantTimeCompare(device.ClientKey, ClientKey(c.Request)) != 1 {
		err = unauthorised("this device showed a certificate at its activation: show the same one, or activate it anew")
	}
	var p *Problem
	if errors.As(err, &p) && p.challenge != "" {
		if wait := d.failures.take(c.ClientIP()); wait > 0 {
			return a, device, TooMany(wait)
		}
	}
	return a, device, err
}

func (d *Devices) identify(ctx context.Context, header string) (account.Account, account.Device, error) {
	scheme, bearer, _ := strings.Cut(header, " ")
	id, hash, ok := account.ParseDeviceToken(bearer)
	if !strings.EqualFold(scheme, "Bearer") || !ok {
		return account.Account{}, account.Device{}, unknownDevice()
	}
	a, device, err := d.tokens.ByHash(ctx, id, hash)
	if errors.Is(err, account.ErrNotFound) {
		err = unknownDevice()
	}
	return a, device, err
}

func unknownDevice() error {
	return unauthorised("send Authorization: Bearer and the device token that the activation gave; an activation since then has ended it")
}

// ClientKey is the SHA-256 of the public key of the client's TLS certificate, nil when there is none. That the client has
// the private half was proven by the handshake; who has issued the certificate does not matter.
func ClientKey(r *http.Request) []byte {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil
	}
	sum := sha256.Sum256(r.TLS.PeerCertificates[0].RawSubjectPublicKeyInfo)
	return sum[:]
}

// Refusal is a problem that the caller names: a request that is understood, and not granted.
func Refusal(status int, code, title, detail string) error {
	return problem(status, code, title, detail)
}

// Later is a 503 that the caller names; cause goes to the log only.
func Later(code, title, detail string, wait time.Duration, cause error) error {
	p := problem(http.StatusServiceUnavailable, code, title, detail)
	p.retry, p.cause = max(wait, time.Second), cause
	return p
}
