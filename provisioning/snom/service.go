package snom

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"sipward/internal/account"
	"sipward/internal/device"
	"sipward/internal/seal"
	"sipward/internal/web"
)

// Phones is what this package needs of the repository of phones.
type Phones interface {
	Create(ctx context.Context, p device.Phone) (device.Phone, error)
	ByMAC(ctx context.Context, m device.MAC) (device.Phone, error)
	ByToken(ctx context.Context, hash [32]byte) (device.Phone, error)
	Update(ctx context.Context, m device.MAC, f func(*device.Phone) error) (device.Phone, error)
	Delete(ctx context.Context, m device.MAC, version uint64) error
	List(ctx context.Context, cursor string, limit int) (account.Page[device.Phone], error)
	OfAccount(ctx context.Context, id account.ID) ([]device.Phone, error)
	See(ctx context.Context, w device.Waiting, most int) error
	Waiting(ctx context.Context, cursor string, limit int) (account.Page[device.Waiting], error)
	Log(ctx context.Context, f device.Fetch, known bool) error
	Fetches(ctx context.Context, m device.MAC, cursor string, limit int) (account.Page[device.Fetch], error)
}

// Accounts is what this package needs of the repository of accounts.
type Accounts interface {
	ByID(ctx context.Context, id account.ID) (account.Account, error)
	Update(ctx context.Context, id account.ID, f func(*account.Account) error) (account.Account, error)
	List(ctx context.Context, f account.Filter, cursor string, limit int) (account.Page[account.Account], error)
}

// Config is what the operator may set.
type Config struct {
	Domain   string         // SIP domain and digest realm; user_host
	Outbound string         // host:port of our TLS listener, as phones reach it
	BaseURL  string         // of the public listener: https://host[:port]
	Networks []netip.Prefix // whose phones need no proof; empty: none
	Refresh  time.Duration  // how often phones fetch by themselves; 24 h
}

// Deps is what the service needs.
type Deps struct {
	Phones   Phones
	Accounts Accounts
	Ring     *seal.Ring // seals SIP credentials; the registrar's keys
	Devices  *seal.Ring // seals what phones are told
	Cursors  *web.Cursors
	Factory  *x509.CertPool // issuers of the phones' certificates; nil: certificates prove nothing
	CA       []byte         // ours, DER, which phones are to trust; nil: they trust it already
	// Notify tells one registered contact whose User-Agent begins with agent; nil: there is no SIP node.
	Notify func(ctx context.Context, id account.ID, agent, event string, body []byte) (contact string, err error)
	Now    func() time.Time
	Log    *slog.Logger
}

// Service provisions phones. It is safe for concurrent use.
type Service struct {
	config Config
	Deps
	guesses *guesses
}

// New checks that nothing is missing.
func New(c Config, d Deps) (*Service, error) {
	if d.Phones == nil || d.Accounts == nil || d.Ring == nil || d.Devices == nil || d.Cursors == nil || d.Now == nil || d.Log == nil {
		return nil, errors.New("snom: phones, accounts, both rings, cursors, clock and log are all needed")
	}
	if !strings.HasPrefix(c.BaseURL, "https://") || c.Domain == "" || c.Outbound == "" {
		return nil, errors.New("snom: an address that begins with https://, the domain and the outbound proxy are all needed")
	}
	if c.Refresh <= 0 {
		c.Refresh = 24 * time.Hour
	}
	c.BaseURL = strings.TrimSuffix(c.BaseURL, "/")
	return &Service{config: c, Deps: d, guesses: newGuesses(d.Now)}, nil
}

// newToken makes the token in a phone's address: 26 base32 characters, 130 bits.
func newToken() string { return strings.ToLower(rand.Text()) }

func (s *Service) sealToken(p *device.Phone, token string) {
	hash := sha256.Sum256([]byte(token))
	p.Token, p.Sealed = hash[:], s.Devices.Seal("phone token/"+string(p.MAC), []byte(token))
}

func (s *Service) sealAdmin(p *device.Phone, password account.Secret) {
	p.Admin = s.Devices.Seal("phone admin/"+string(p.MAC), []byte(password))
}

func (s *Service) open(p device.Phone) (token string, admin account.Secret, err error) {
	t, err := s.Devices.Open("phone token/"+string(p.MAC), p.Sealed)
	if err != nil {
		return "", "", fmt.Errorf("phone %s: %w", p.MAC, err)
	}
	a, err := s.Devices.Open("phone admin/"+string(p.MAC), p.Admin)
	if err != nil {
		return "", "", fmt.Errorf("phone %s: %w", p.MAC, err)
	}
	return string(t), account.Secret(a), nil
}

// address is where a phone fetches its configuration, by its token or, without one, by its certificate. {mac} is for the
// phone to fill in and stays as it is.
func (s *Service) address(token, file string) string {
	if token == "" {
		return s.config.BaseURL + "/p/" + file
	}
	return s.config.BaseURL + "/p/" + token + "/" + file
}

// line makes sure that the account can be put into a phone: a pending one turns active, and a password is kept for it
// when there is none yet. It changes nothing else, and nothing at all for a disabled account.
func (s *Service) line(ctx context.Context, id account.ID) (account.Account, account.Secret, error) {
	acc, err := s.Accounts.ByID(ctx, id)
	if err != nil || acc.Suspended != nil {
		return acc, "", err
	}
	if len(acc.Credential.Plain) == 0 || acc.Activated == nil {
		fresh := account.NewSecret()
		acc, err = s.Accounts.Update(ctx, id, func(a *account.Account) error {
			if err := a.Activate(account.ByFetch, s.Now().UTC()); err != nil {
				return err
			}
			if len(a.Credential.Plain) == 0 {
				a.SetPassword(s.Ring, s.config.Domain, fresh)
				a.SealPlain(s.Devices, fresh)
			}
			a.Updated = s.Now().UTC()
			return nil
		})
		if err != nil {
			return acc, "", err
		}
	}
	password, err := acc.OpenPlain(s.Devices)
	return acc, password, err
}

// maxBook bounds the phone book: old phones take no more.
const maxBook = 250

// book are the colleagues: the active accounts of the group, the phone's own left out.
func (s *Service) book(ctx context.Context, own account.Account) ([]account.Account, error) {
	var all []account.Account
	cursor := ""
	for len(all) < maxBook {
		page, err := s.Accounts.List(ctx, account.Filter{Group: own.Group, State: account.Active}, cursor, maxBook)
		if err != nil {
			return nil, err
		}
		for _, a := range page.Items {
			if a.ID != own.ID && len(all) < maxBook {
				all = append(all, a)
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	return all, nil
}

// render makes the configuration of a phone and its entity tag; proof is the token it came with, or "".
func (s *Service) render(ctx context.Context, p device.Phone, proof string) (body []byte, tag string, state account.State, err error) {
	acc, password, err := s.line(ctx, p.Account)
	if errors.Is(err, account.ErrDisabled) { // at this very moment: read again, it counts as suspended now
		acc, password, err = s.line(ctx, p.Account)
	}
	if err != nil {
		return nil, "", "", err
	}
	_, admin, err := s.open(p)
	if err != nil {
		return nil, "", "", err
	}
	c := configuration{account: acc, password: password, active: acc.State() == account.Active, admin: admin, keys: p.Keys, address: s.address(proof, "{mac}.xml")}
	if p.Firmware != "" {
		c.firmware = s.address(proof, "firmware-"+string(p.MAC)+".xml")
	}
	if c.active {
		if c.book, err = s.book(ctx, acc); err != nil {
			return nil, "", "", err
		}
	}
	if body, err = s.xml(c); err != nil {
		return nil, "", "", err
	}
	sum := sha256.Sum256(body)
	return body, `"` + hex.EncodeToString(sum[:12]) + `"`, acc.State(), nil
}
