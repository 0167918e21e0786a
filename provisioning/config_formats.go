package provisioning

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"mime"
	"net"
	"strconv"
	"strings"

	"sipward/internal/account"
)

// The media types of the three forms.
const (
	typeJSON     = "application/vnd.sipward.config+json"
	typeLinphone = "application/vnd.linphone.lpconfig+xml"
	typeAcrobits = "application/vnd.acrobits.account+xml"
)

// form is one way to write a configuration.
type form struct {
	name  string // in the timeline, and the file name of the one-time address
	kind  string // Content-Type
	write func(clientConfig) ([]byte, error)
}

// forms are all of them, the default first.
func forms() []form {
	return []form{
		{"config.json", typeJSON, jsonConfig},
		{"linphone.xml", "application/xml; charset=utf-8", linphoneConfig},
		{"acrobits.xml", "application/xml; charset=utf-8", acrobitsConfig},
	}
}

// negotiate picks the form that an Accept header asks for (RFC 9110 section 12.5.1, without weights: the first one that
// is known). Plain XML is Linphone's.
func negotiate(accept string) (form, bool) {
	all := forms()
	if strings.TrimSpace(accept) == "" {
		return all[0], true
	}
	for _, part := range strings.Split(accept, ",") {
		kind, _, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		switch kind {
		case typeJSON, "application/json", "application/*", "*/*":
			return all[0], true
		case typeLinphone, "application/xml", "text/xml":
			return all[1], true
		case typeAcrobits:
			return all[2], true
		}
	}
	return form{}, false
}

func jsonConfig(c clientConfig) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(c)
	return b.Bytes(), err
}

// preferred is the transport that forms with room for one are told: the encrypted one.
func (c clientConfig) preferred() Transport {
	for _, want := range []string{"tls", "tcp", "udp"} {
		for _, t := range c.Server.Transports {
			if t.Transport == want {
				return t
			}
		}
	}
	return Transport{Transport: "tls", Host: c.Server.Domain, Port: 5061}
}

func (t Transport) address() string { return net.JoinHostPort(t.Host, strconv.Itoa(t.Port)) }

// lpconfig is Linphone's remote provisioning document.
type lpconfig struct {
	XMLName  xml.Name    `xml:"http://www.linphone.org/xsds/lpconfig.xsd config"`
	Sections []lpSection `xml:"section"`
}

type lpSection struct {
	Name    string    `xml:"name,attr"`
	Entries []lpEntry `xml:"entry"`
}

type lpEntry struct {
	Name      string `xml:"name,attr"`
	Overwrite string `xml:"overwrite,attr"`
	Value     string `xml:",chardata"`
}

func section(name string, pairs ...string) lpSection {
	s := lpSection{Name: name}
	for i := 0; i+1 < len(pairs); i += 2 {
		s.Entries = append(s.Entries, lpEntry{Name: pairs[i], Overwrite: "true", Value: pairs[i+1]})
	}
	return s
}

// linphoneConfig writes what the Linphone app understands: the account, SRTP by SDES or ZRTP as the account's model
// says, always mandatory, and that the address it came from was good once only.
func linphoneConfig(c clientConfig) ([]byte, error) {
	t, encryption := c.preferred(), "srtp"
	if c.Security.Model == account.EndToEnd {
		encryption = "zrtp"
	}
	identity := fmt.Sprintf("sip:%s@%s", c.Account.User, c.Server.Domain)
	display := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(c.Account.Owner)
	account := section("proxy_0", "reg_proxy", fmt.Sprintf("<sip:%s;transport=%s>", t.address(), t.Transport),
		"reg_route", fmt.Sprintf("<sip:%s;transport=%s;lr>", t.address(), t.Transport),
		"reg_identity", fmt.Sprintf(`"%s" <%s>`, display, identity), "realm", c.Server.Domain,
		"reg_expires", "600", "reg_sendregister", "1", "publish", "0", "quality_reporting_enabled", "0")
	policy := natPolicy(c)
	if policy != nil {
		account.Entries = append(account.Entries, section("", "nat_policy_ref", linphonePolicy).Entries...)
	}
	return document(lpconfig{Sections: append([]lpSection{
		section("misc", "transient_provisioning", "1"),
		section("sip", "media_encryption", encryption, "media_encryption_mandatory", "1", "default_proxy", "0",
			"verify_server_certs", "1", "verify_server_cn", "1"),
		section("auth_info_0", "username", c.Account.User, "userid", c.Account.User, "passwd", c.Account.Password,
			"realm", c.Server.Domain, "domain", c.Server.Domain),
		account,
	}, policy...)})
}

// acrobitsAccount is the account XML of apps built on Acrobits' library.
type acrobitsAccount struct {
	XMLName      xml.Name `xml:"account"`
	Title        string   `xml:"title"`
	Username     string   `xml:"username"`
	AuthUsername string   `xml:"authUsername"`
	Password     string   `xml:"password"`
	DisplayName  string   `xml:"userDisplayName"`
	Host         string   `xml:"host"`
	Proxy        string   `xml:"proxy"`
	Transport    string   `xml:"transport"`
	SDESIn       string   `xml:"sdesIncoming"`
	SDESOut      string   `xml:"sdesOutgoing"`
	ZRTPIn       string   `xml:"zrtpIncoming"`
	ZRTPOut      string   `xml:"zrtpOutgoing"`
	Expires      int      `xml:"expires"`
	STUN         string   `xml:"STUN,omitempty"` // it has no field for TURN that we know of
}

func acrobitsConfig(c clientConfig) ([]byte, error) {
	t := c.preferred()
	a := acrobitsAccount{
		Title: c.Server.Name, Username: c.Account.User, AuthUsername: c.Account.User, Password: c.Account.Password,
		DisplayName: c.Account.Owner, Host: c.Server.Domain, Proxy: t.address(), Transport: t.Transport,
		SDESIn: "required", SDESOut: "required", ZRTPIn: "disabled", ZRTPOut: "disabled", Expires: 600,
		STUN: c.stun(),
	}
	if t.Transport == "tls" {
		a.Transport = "tls+sip:" // TLS to the server without sips: addresses
	}
	if c.Security.Model == account.EndToEnd {
		a.SDESIn, a.SDESOut, a.ZRTPIn, a.ZRTPOut = "disabled", "disabled", "enabled", "enabled"
	}
	return document(a)
}

// document writes XML by encoder, never by template: what people write as their name stays one value.
func document(v any) ([]byte, error) {
	b, err := xml.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, err
	}
	return append([]byte(xml.Header), append(b, '\n')...), nil
}
