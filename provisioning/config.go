package provisioning

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"

	"sipward/internal/account"
)

// configFormat is the name of the form; clients refuse one they do not know.
const configFormat = "sipward.config/1"

// Transport is one way to reach the SIP node, as phones are told it.
type Transport struct {
	Transport string `json:"transport"` // tls, wss, tcp, udp
	Host      string `json:"host"`
	Port      int    `json:"port"`
}

// clientConfig is everything a phone needs. Version is over all of it but the secrets, so that the phone's present
// configuration can be compared with what it should have.
type clientConfig struct {
	Format    string           `json:"format"`
	Version   string           `json:"version"`
	Server    configServer     `json:"server"`
	Account   configAccount    `json:"account"`
	Security  configSecurity   `json:"security"`
	KeepAlive bool             `json:"keep_alive"`
	Messaging bool             `json:"messaging"`
	Settings  account.Settings `json:"settings"`
	ICE       []ICEServer      `json:"ice_servers,omitempty"`
	Licence   configLicence    `json:"licence"`
	Links     configLinks      `json:"links"`
	Device    *configDevice    `json:"device,omitempty"`
}

type configServer struct {
	Name       string      `json:"name"`
	Domain     string      `json:"domain"`
	Transports []Transport `json:"transports"`
	CA         string      `json:"ca,omitempty"` // PEM; empty: a public CA signed the certificate
}

type configAccount struct {
	User      string           `json:"user"`
	Password  string           `json:"password,omitempty"` // only in the answer that made it
	Number    account.Number   `json:"number"`
	Secondary account.Number   `json:"secondary_number,omitempty"`
	Owner     string           `json:"owner"`
	Language  account.Language `json:"language"`
}

type configSecurity struct {
	Model          account.SecurityModel `json:"model"`
	Media          string                `json:"media"` // sdes-srtp or zrtp
	Obfuscation    bool                  `json:"obfuscation"`
	ObfuscationKey string                `json:"obfuscation_key"`
}

type configLicence struct {
	Mode string `json:"mode"` // server: ask us; vendor: ask the vendor yourself
	URL  string `json:"url,omitempty"`
}

type configLinks struct {
	Config   string `json:"config"`
	Keys     string `json:"keys"`
	Messages string `json:"messages"`
}

type configDevice struct {
	ID    string `json:"id"`
	Token string `json:"token,omitempty"` // only in the answer that made it
}

// secrets are what a redemption makes; they are in its answer alone.
type secrets struct {
	Password string `json:"password"`
	Device   string `json:"device"`
	Token    string `json:"token"`
}

// String keeps them out of logs.
func (secrets) String() string { return "[redacted]" }

// GoString keeps them out of logs.
func (s secrets) GoString() string { return s.String() }

// cascade is the effective view of an account's settings.
type cascade struct {
	layers   []account.Layer
	settings account.Settings
	origins  map[string]account.Origin
}

// cascade merges what is said for an account: the server, its group's profile, its own. A profile that is gone is
// silent.
func (a *API) cascade(ctx context.Context, acc account.Account) (cascade, error) {
	group := account.DefaultProfile
	if acc.Group != "" {
		g, err := a.Groups.ByID(ctx, acc.Group)
		if err != nil && !errors.Is(err, account.ErrNotFound) {
			return cascade{}, err
		}
		if g.Profile != "" {
			group = g.Profile
		}
	}
	c := cascade{layers: []account.Layer{{From: "server", Settings: account.DefaultSettings()}}}
	for _, l := range []account.Layer{{From: "group", Profile: group}, {From: "account", Profile: acc.Profile}} {
		if l.Profile == "" {
			continue
		}
		p, err := a.Profiles.ByID(ctx, l.Profile)
		if errors.Is(err, account.ErrNotFound) {
			continue
		}
		if err != nil {
			return cascade{}, err
		}
		l.Settings = p.Settings
		c.layers = append(c.layers, l)
	}
	c.settings, c.origins = account.Cascade(c.layers...)
	return c, nil
}

// configure makes the configuration of an account, without secrets.
func (a *API) configure(ctx context.Context, acc account.Account) (clientConfig, error) {
	eff, err := a.cascade(ctx, acc)
	if err != nil {
		return clientConfig{}, err
	}
	c := clientConfig{
		Format: configFormat,
		Server: configServer{Name: a.config.Name, Domain: a.config.Realm, Transports: a.config.Transports, CA: a.config.CA},
		Account: configAccount{
			User: acc.User, Number: acc.Number, Secondary: acc.Secondary, Owner: acc.Owner, Language: acc.Language,
		},
		Security: configSecurity{
			Model: acc.Security, Media: "sdes-srtp", Obfuscation: acc.Obfuscation, ObfuscationKey: acc.ObfuscationKey,
		},
		KeepAlive: acc.KeepAlive, Messaging: acc.Messaging && *eff.settings.Messaging, Settings: eff.settings,
		ICE:     a.iceServers(acc.ID, false),
		Licence: configLicence{Mode: "server", URL: a.url("/v1/licence")},
		Links:   configLinks{Config: a.url("/v1/config"), Keys: a.url("/v1/keys"), Messages: a.url("/v1/messages")},
	}
	if acc.Security == account.EndToEnd {
		c.Security.Media = "zrtp"
	}
	if acc.Activated != nil && acc.Activated.Method == account.ByHand {
		c.Licence = configLicence{Mode: "vendor", URL: a.config.LicenceVendor} // made by hand: the phone asks the vendor itself
	}
	c.Version, err = versionOf(c)
	return c, err
}

// versionOf is a hash of what is not secret: it changes exactly when the configuration does.
func versionOf(c clientConfig) (string, error) {
	c.Version, c.Device, c.Account.Password, c.ICE = "", nil, "", withoutCredentials(c.ICE)
	b, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8]), nil
}

// with puts the secrets of a redemption into the configuration.
func (c clientConfig) with(s secrets) clientConfig {
	c.Account.Password = s.Password
	c.Device = &configDevice{ID: s.Device, Token: s.Token}
	return c
}

// url makes a link. Links begin with the configured base, whatever a request's Host header says.
func (a *API) url(path string) string { return strings.TrimSuffix(a.config.BaseURL, "/") + path }
