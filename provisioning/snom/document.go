package snom

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"strconv"
	"strings"

	"sipward/internal/account"
	"sipward/internal/device"
)

// identities is how many lines a phone has at most.
const identities = 12

// setting is one element of the phone's settings.
type setting struct {
	XMLName xml.Name
	Index   string `xml:"idx,attr,omitempty"`
	Perm    string `xml:"perm,attr"`
	Value   string `xml:",chardata"`
}

type document struct {
	XMLName  xml.Name `xml:"settings"`
	Settings struct {
		E    string `xml:"e,attr"` // more than 255 entries are understood
		List []setting
	} `xml:"phone-settings"`
	Keys *struct {
		E    string `xml:"e,attr"`
		List []fkey `xml:"fkey"`
	} `xml:"functionKeys,omitempty"`
	Book struct {
		E        string `xml:"e,attr"`
		Complete string `xml:"complete,attr"` // the only way to delete entries
		Items    []item `xml:"item"`
	} `xml:"tbook"`
	Certificates *struct {
		List []certificate `xml:"certificate"`
	} `xml:"certificates,omitempty"`
}

type fkey struct {
	Index   int    `xml:"idx,attr"`
	Context string `xml:"context,attr"`
	Label   string `xml:"label,attr"`
	Perm    string `xml:"perm,attr"`
	Value   string `xml:",chardata"`
}

type item struct {
	Context string `xml:"context,attr"`
	Type    string `xml:"type,attr"`
	Index   int    `xml:"index,attr"`
	First   string `xml:"first_name"`
	Last    string `xml:"last_name"`
	Number  string `xml:"number"`
}

type certificate struct {
	Type string `xml:"type,attr"`
	DER  string `xml:",chardata"`
}

// configuration is everything a phone is told.
type configuration struct {
	account  account.Account
	password account.Secret
	active   bool // false: the account is disabled, and no identity is on
	address  string
	firmware string // address of the firmware document; empty: left alone
	admin    account.Secret
	keys     []device.Key
	book     []account.Account
}

// locale is what a language means to a phone.
type locale struct{ language, tones, zone string }

func localeOf(l account.Language) locale {
	switch l {
	case "it":
		return locale{"Italiano", "ITA", "ITA+1"}
	case "fr":
		return locale{"Français", "FRA", "FRA+1"}
	case "es":
		return locale{"Español", "SPA", "ESP+1"}
	case "de":
		return locale{"Deutsch", "GER", "GER+1"}
	}
	return locale{"English", "GBR", "GBR-0"}
}

// The permissions of a setting: fixed, or a default that the user may change.
const (
	fixed = "R"
	user  = "RW"
)

// list collects settings.
type list []setting

func (l *list) set(name, perm, value string) {
	*l = append(*l, setting{XMLName: xml.Name{Local: name}, Perm: perm, Value: value})
}

func (l *list) line(n int, name, value string) {
	*l = append(*l, setting{XMLName: xml.Name{Local: name}, Index: strconv.Itoa(n), Perm: fixed, Value: value})
}

// xml makes the document (reference: one identity, TLS and SRTP mandatory, the others wiped).
func (s *Service) xml(c configuration) ([]byte, error) {
	var d document
	d.Settings.E, d.Book.E, d.Book.Complete = "2", "2", "true"
	l := (*list)(&d.Settings.List)
	s.general(l, c)
	s.identity(l, c)
	for n := 2; n <= identities; n++ {
		l.line(n, "user_active", "off")
		l.line(n, "user_name", "")
		l.line(n, "user_pass", "")
	}
	if c.active {
		d.Keys = &struct {
			E    string `xml:"e,attr"`
			List []fkey `xml:"fkey"`
		}{E: "2", List: s.functionKeys(c.keys)}
		for i, a := range c.book {
			d.Book.Items = append(d.Book.Items, item{Context: "active", Type: "colleagues", Index: i, First: a.Owner, Number: string(a.Number)})
		}
	}
	if s.CA != nil {
		d.Certificates = &struct {
			List []certificate `xml:"certificate"`
		}{List: []certificate{{Type: "base64", DER: base64.StdEncoding.EncodeToString(s.CA)}}}
	}
	return encode(d)
}

// encode writes UTF-8 XML with its declaration.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	e := xml.NewEncoder(&b)
	e.Indent("", " ")
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// general is what holds for the whole phone.
func (s *Service) general(l *list, c configuration) {
	where := localeOf(c.account.Language)
	l.set("setting_server", fixed, c.address)
	l.set("settings_refresh_timer", fixed, strconv.Itoa(int(s.config.Refresh.Seconds())))
	l.set("language", user, where.language)
	l.set("web_language", user, where.language)
	l.set("tone_scheme", fixed, where.tones)
	l.set("timezone", user, where.zone)
	l.set("check_fqdn_against_server_cert", fixed, "on")
	l.set("challenge_response", fixed, "off") // it does not challenge our check-sync
	l.set("filter_registrar", fixed, "on")    // and listens to nobody else
	l.set("admin_mode", fixed, "off")
	l.set("admin_mode_password", fixed, c.admin.Reveal())
	l.set("admin_mode_password_confirm", fixed, c.admin.Reveal())
	l.set("http_user", fixed, "admin")
	l.set("http_pass", fixed, c.admin.Reveal())
	l.set("webserver_type", fixed, "https")
	if c.firmware != "" {
		l.set("update_policy", fixed, "auto_update")
		l.set("firmware_status", fixed, c.firmware)
	}
}

// identity is the one line.
func (s *Service) identity(l *list, c configuration) {
	if !c.active {
		l.line(1, "user_active", "off")
		l.line(1, "user_name", "")
		l.line(1, "user_pass", "")
		return
	}
	l.line(1, "user_active", "on")
	l.line(1, "user_name", c.account.User)
	l.line(1, "user_pname", c.account.User)
	l.line(1, "user_pass", c.password.Reveal())
	l.line(1, "user_realname", c.account.Owner)
	l.line(1, "user_idle_text", string(c.account.Number))
	l.line(1, "user_host", s.config.Domain)
	l.line(1, "user_outbound", s.config.Outbound+";transport=tls")
	l.line(1, "user_srtp", "on")
	l.line(1, "user_savp", "mandatory")
	l.line(1, "user_auth_tag", "off") // AES_CM_128_HMAC_SHA1_80
	l.line(1, "codec_priority_list", "g722,pcma,pcmu,telephone-event")
	l.line(1, "user_expiry", "3600")
}

// functionKeys translates ours into the phone's words; without any, the first four are lines.
func (s *Service) functionKeys(keys []device.Key) []fkey {
	var all []fkey
	for i, k := range keys {
		value := "none"
		switch k.Type {
		case "line":
			value = "line"
		case "speed":
			value = "speed " + k.Value
		case "blf":
			value = "blf <sip:" + k.Value + "@" + s.config.Domain + ">"
		}
		all = append(all, fkey{Index: i, Context: "active", Label: k.Label, Perm: fixed, Value: value})
	}
	for i := 0; len(keys) == 0 && i < 4; i++ {
		all = append(all, fkey{Index: i, Context: "active", Perm: fixed, Value: "line"})
	}
	return all
}

// files is the general file: it leads to the phone's own and holds no secret.
func files(address string) ([]byte, error) {
	type file struct {
		URL string `xml:"url,attr"`
	}
	return encode(struct {
		XMLName xml.Name `xml:"setting-files"`
		Files   []file   `xml:"file"`
	}{Files: []file{{address}}})
}

// firmware is the document that pins the firmware.
func firmware(url string) ([]byte, error) {
	return encode(struct {
		XMLName  xml.Name `xml:"firmware-settings"`
		Firmware string   `xml:"firmware"`
	}{Firmware: strings.TrimSpace(url)})
}
