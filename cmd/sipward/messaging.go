package main

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"sipward/internal/account"
	"sipward/internal/message"
	"sipward/provisioning/outbox"
	"sipward/provisioning/sms"
	"sipward/provisioning/sms/smpp"
)

// SMSConfig is how SMS leave.
type SMSConfig struct {
	Driver    string      `koanf:"driver" doc:"how SMS leave: file (data_dir/outbox/sms.jsonl, for development), http, smpp, or none"`
	From      string      `koanf:"from" doc:"sender of SMS: a number with +, a short number, or up to 11 letters"`
	Prefixes  []string    `koanf:"prefixes" doc:"countries and networks that SMS may go to, for example +39,+41; empty: all"`
	PerNumber int         `koanf:"per_number" doc:"messages to one number, and to one e-mail address, within an hour; 0: no limit"`
	Daily     int         `koanf:"daily" doc:"SMS within a day (UTC); 0: no limit"`
	HTTP      SMSHTTP     `koanf:"http"`
	SMPP      SMPPGateway `koanf:"smpp"`
}

// SMSHTTP is a gateway by HTTP.
type SMSHTTP struct {
	Preset        string            `koanf:"preset" doc:"gateway that is known: twilio, vonage, 46elks or kannel; what is set below replaces its values"`
	URL           string            `koanf:"url" doc:"address, with templates ({{.To}} {{.Digits}} {{.Text}} {{.Ref}} {{.From}} {{.User}} {{.Password}} {{.Callback}}) behind the host"`
	Method        string            `koanf:"method" doc:"GET or POST"`
	Headers       map[string]string `koanf:"headers" doc:"headers; Content-Type decides how values are escaped in the body"`
	Body          string            `koanf:"body" doc:"body, with templates"`
	User          string            `koanf:"user" doc:"user or account with the gateway"`
	Password      string            `koanf:"password" secret:"yes" doc:"its password or key"`
	Basic         bool              `koanf:"basic" doc:"send both by HTTP Basic"`
	OK            string            `koanf:"ok" doc:"path in a JSON answer that tells success, for example messages.0.status; empty: any 2xx"`
	OKIs          string            `koanf:"ok_is" doc:"its value for success"`
	ID            string            `koanf:"id" doc:"path of the gateway's id; empty: {{.Ref}} comes back in receipts"`
	Reason        string            `koanf:"reason" doc:"path of the words for a refusal"`
	ReceiptID     string            `koanf:"receipt_id" doc:"parameter of a receipt with the id"`
	ReceiptStatus string            `koanf:"receipt_status" doc:"and with the status"`
	Statuses      map[string]string `koanf:"statuses" doc:"the gateway's words for sent, delivered, undelivered, failed, expired, rejected"`
	Private       bool              `koanf:"private" doc:"the gateway may be on this machine or a private network, and speak http://"`
}

// SMPPGateway is a message centre.
type SMPPGateway struct {
	Address    string `koanf:"address" doc:"host:port of the message centre (SMPP 3.4)"`
	SystemID   string `koanf:"system_id" doc:"its user"`
	Password   string `koanf:"password" secret:"yes" doc:"its password"`
	SystemType string `koanf:"system_type" doc:"system_type of the bind, when the centre wants one"`
	TLS        bool   `koanf:"tls" doc:"speak TLS with it"`
	SAR        bool   `koanf:"sar" doc:"long texts by SAR parameters instead of a user data header"`
}

// MailConfig is how e-mails leave.
type MailConfig struct {
	Driver string     `koanf:"driver" doc:"how e-mails leave: file (data_dir/outbox/mail, for development), smtp, or none"`
	From   string     `koanf:"from" doc:"sender of e-mails; empty: sipward@ and the domain"`
	Daily  int        `koanf:"daily" doc:"e-mails within a day (UTC); 0: no limit"`
	SMTP   SMTPServer `koanf:"smtp"`
}

// SMTPServer is a mail server.
type SMTPServer struct {
	Address  string `koanf:"address" doc:"host:port of the mail server"`
	Security string `koanf:"security" doc:"starttls (mandatory), tls (from the start) or none (never with a password)"`
	User     string `koanf:"user" doc:"user; empty: no authentication"`
	Password string `koanf:"password" secret:"yes" doc:"its password"`
	CA       string `koanf:"ca" doc:"PEM file with the CAs of its certificate; empty: the system's"`
}

// SNOMConfig is the provisioning of desk phones.
type SNOMConfig struct {
	Networks    []string      `koanf:"networks" doc:"networks (CIDR) whose SNOM phones may fetch by their MAC alone; empty: only with token or certificate"`
	PnPNetworks []string      `koanf:"pnp_networks" doc:"networks (CIDR) whose phones are answered when they ask by multicast (PnP); empty: off"`
	Refresh     time.Duration `koanf:"refresh" doc:"how often SNOM phones fetch their configuration by themselves"`
}

func (c SMSConfig) validate(v *faults) {
	v.oneOf("sms.driver", c.Driver, "file", "http", "smpp", "none")
	for _, p := range c.Prefixes {
		v.check(strings.HasPrefix(p, "+") && len(p) > 1 && strings.Trim(p[1:], "0123456789") == "", "sms.prefixes: %q is no prefix: want for example +39", p)
	}
	switch c.Driver {
	case "http":
		_, known := sms.Presets()[c.HTTP.Preset]
		v.check(known || c.HTTP.Preset == "", "sms.http.preset: %q is not one of 46elks, kannel, twilio, vonage", c.HTTP.Preset)
		_, err := sms.NewHTTP(c.gateway(""), nil)
		v.check(err == nil, "%v", err)
	case "smpp":
		_, err := smpp.New(c.centre(), smpp.Deps{})
		v.check(err == nil, "%v", err)
	}
}

// gateway is the HTTP driver's configuration; callback is our address for receipts.
func (c SMSConfig) gateway(callback string) sms.Config {
	h := c.HTTP
	own := sms.Template{
		Method: h.Method, URL: h.URL, Headers: h.Headers, Body: h.Body, Basic: h.Basic, OK: h.OK, OKIs: h.OKIs, ID: h.ID, Reason: h.Reason,
		ReceiptID: h.ReceiptID, ReceiptStatus: h.ReceiptStatus, Statuses: h.Statuses,
	}
	return sms.Config{
		Template: own.Over(sms.Presets()[h.Preset]), User: h.User, Password: account.Secret(h.Password), From: c.From, Callback: callback,
		Private: h.Private,
	}
}

func (c SMSConfig) centre() smpp.Config {
	return smpp.Config{
		Address: c.SMPP.Address, SystemID: c.SMPP.SystemID, Password: account.Secret(c.SMPP.Password), SystemType: c.SMPP.SystemType,
		From: c.From, SAR: c.SMPP.SAR,
	}
}

func (c MailConfig) validate(v *faults) {
	v.oneOf("mail.driver", c.Driver, "file", "smtp", "none")
	v.oneOf("mail.smtp.security", c.SMTP.Security, "starttls", "tls", "none")
	v.check(c.Driver != "smtp" || c.SMTP.Address != "", "mail.smtp.address: needed with mail.driver: smtp")
}

func (c SNOMConfig) validate(v *faults) {
	for key, list := range map[string][]string{"snom.networks": c.Networks, "snom.pnp_networks": c.PnPNetworks} {
		_, err := networks(list)
		v.check(err == nil, "%s: %v", key, err)
	}
	v.check(c.Refresh >= time.Minute, "snom.refresh: want at least 1m, not %s", c.Refresh)
}

func networks(list []string) ([]netip.Prefix, error) {
	return LimitsConfig{Exempt: list}.prefixes()
}

// outboxConfig is the limits.
func (c Config) outboxConfig() outbox.Config {
	return outbox.Config{
		PerRecipient: c.SMS.PerNumber, Prefixes: c.SMS.Prefixes,
		Daily: map[message.Channel]int{message.SMS: c.SMS.Daily, message.Email: c.Mail.Daily},
	}
}

// baseURL is the only source of links; port is the one that http.public is bound to.
func (c Config) baseURL(port int) string {
	if c.HTTP.BaseURL != "" {
		return strings.TrimSuffix(c.HTTP.BaseURL, "/")
	}
	u := url.URL{Scheme: "https", Host: c.Domain}
	if port != 443 && port != 0 {
		u.Host = fmt.Sprintf("%s:%d", c.Domain, port)
	}
	return u.String()
}
