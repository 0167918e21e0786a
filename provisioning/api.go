package provisioning

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/message"
	"sipward/internal/seal"
	"sipward/internal/web"
)

// What this package needs of the repositories, each as small as its use.
type (
	// Accounts is the repository of accounts.
	Accounts interface {
		Create(ctx context.Context, a account.Account) (account.Account, error)
		ByID(ctx context.Context, id account.ID) (account.Account, error)
		ByUser(ctx context.Context, user string) (account.Account, error)
		ByNumber(ctx context.Context, n account.Number) (account.Account, error)
		Update(ctx context.Context, id account.ID, f func(*account.Account) error) (account.Account, error)
		Delete(ctx context.Context, id account.ID, version uint64) error
		List(ctx context.Context, f account.Filter, cursor string, limit int) (account.Page[account.Account], error)
	}
	// Groups is the repository of groups.
	Groups interface {
		Create(ctx context.Context, g account.Group) (account.Group, error)
		ByID(ctx context.Context, id account.GroupID) (account.Group, error)
		Update(ctx context.Context, id account.GroupID, f func(*account.Group) error) (account.Group, error)
		Delete(ctx context.Context, id account.GroupID, version uint64) error
		List(ctx context.Context) ([]account.Group, error)
	}
	// Activations is the repository of links and timelines; Update changes an account and its journal together.
	Activations interface {
		ByHash(ctx context.Context, hash [32]byte) (account.ID, error)
		Journal(ctx context.Context, id account.ID) (account.Account, account.Journal, error)
		Update(ctx context.Context, id account.ID, f func(*account.Account, *account.Journal) error) (account.Account, account.Journal, error)
		Awaiting(ctx context.Context) ([]account.ID, error)
		Tell(ctx context.Context, id account.ID) error
	}
	// Jobs is the repository of long tasks.
	Jobs interface {
		Put(ctx context.Context, j account.Job) error
		ByID(ctx context.Context, id string) (account.Job, error)
	}
	// Locations tells whether phones have registered.
	Locations interface {
		Lookup(ctx context.Context, id account.ID) (account.Account, location.Set, error)
		Online(ctx context.Context, ids []account.ID) ([]int, error)
	}
	// Outbox takes messages to be sent. The message comes back as it was queued.
	Outbox interface {
		Send(ctx context.Context, m message.Message) (message.Message, error)
	}
	// Messages tells how far messages have come.
	Messages interface {
		List(ctx context.Context, f message.Filter, cursor string, limit int) (account.Page[message.Message], error)
	}
	// Devices tells which device asks.
	Devices interface {
		Who(c *gin.Context) (account.Account, account.Device, error)
	}
)

// Config is the section of the configuration that matters here.
type Config struct {
	Realm         string      // the SIP domain, under which passwords are hashed
	Name          string      // what pages and messages call the server; empty: Realm
	BaseURL       string      // all links begin with it, whatever a request says
	Transports    []Transport // how phones reach the SIP node
	CA            string      // PEM of the CA they must trust; empty: a public one
	ICE           ICE         // STUN and TURN; nil: none
	LicenceVendor string      // what accounts made by hand are told to ask
	App           App
	Exempt        []netip.Prefix // sources that are never slowed down
	Spool         string         // directory in which uploads are kept while they are read; empty: the system's
}

// Deps is what the API needs. Outbox and Messages may be nil: then links can be shown but not sent. Devices may be nil
// where there is no public listener.
type Deps struct {
	Accounts    Accounts
	Groups      Groups
	Profiles    Profiles
	Activations Activations
	Jobs        Jobs
	Locations   Locations
	Outbox      Outbox
	Messages    Messages
	Devices     Devices
	Ring        *seal.Ring // seals SIP credentials; the same keys as the registrar's
	Answers     *seal.Ring // seals what a redemption gave out, for ten minutes
	FormKey     []byte     // binds a page's form to its visitor; the same on all nodes
	Cursors     *web.Cursors
	Now         func() time.Time
	Log         *slog.Logger
}

// missing names what is needed and was not given.
func (d Deps) missing(c Config) string {
	return web.Missing([]web.Need{
		{Name: "Realm", Missing: c.Realm == ""},
		{Name: "Accounts", Missing: d.Accounts == nil},
		{Name: "Groups", Missing: d.Groups == nil},
		{Name: "Profiles", Missing: d.Profiles == nil},
		{Name: "Activations", Missing: d.Activations == nil},
		{Name: "Jobs", Missing: d.Jobs == nil},
		{Name: "Locations", Missing: d.Locations == nil},
		{Name: "Ring", Missing: d.Ring == nil},
		{Name: "Answers", Missing: d.Answers == nil},
		{Name: "FormKey", Missing: len(d.FormKey) == 0},
		{Name: "Cursors", Missing: d.Cursors == nil},
		{Name: "Now", Missing: d.Now == nil},
		{Name: "Log", Missing: d.Log == nil},
	})
}

// API is provisioning, towards operators and towards phones.
type API struct {
	config Config
	Deps
	pages   *pages
	imports *imports
	guesses *web.Guesses // of links
}

// New checks that nothing is missing.
func New(c Config, d Deps) (*API, error) {
	if names := d.missing(c); names != "" {
		return nil, fmt.Errorf("provisioning: needed and not given: %s", names)
	}
	if u, err := url.Parse(c.BaseURL); err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("provisioning: http.base_url must begin with https://: phones reach their links by it")
	}
	if c.Name == "" {
		c.Name = c.Realm
	}
	pages, err := newPages()
	if err != nil {
		return nil, err
	}
	return &API{config: c, Deps: d, pages: pages, imports: newImports(), guesses: web.NewGuesses(c.Exempt, d.Now)}, nil
}
