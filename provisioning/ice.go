package provisioning

import (
	"strconv"
	"strings"
	"time"

	"sipward/internal/account"
)

// linphonePolicy is the name under which Linphone's account finds its NAT policy.
const linphonePolicy = "sipward"

// ICEServer is a STUN or TURN server as phones are told it: addresses by RFC 7064 and RFC 7065, in the shape that WebRTC
// has made usual.
type ICEServer struct {
	URLs     []string  `json:"urls"`
	Username string    `json:"username,omitempty"`
	Password string    `json:"credential,omitempty"`
	Expires  time.Time `json:"expires_at,omitzero"`
}

// ICE makes the servers of an account, with credentials from a time on. Of a configuration that is fetched again they last
// for a while and stay the same for as long as that may be (see tag); once: its phone fetches it once and keeps it.
type ICE func(id account.ID, now time.Time, once bool) []ICEServer

// iceServers are those of an account; once: for a form that its phone fetches once and keeps.
func (a *API) iceServers(id account.ID, once bool) []ICEServer {
	if a.config.ICE == nil {
		return nil
	}
	return a.config.ICE(id, a.Now(), once)
}

// withoutCredentials are the servers as far as they belong to the configuration's version.
func withoutCredentials(list []ICEServer) []ICEServer {
	var bare []ICEServer
	for _, s := range list {
		bare = append(bare, ICEServer{URLs: s.URLs})
	}
	return bare
}

// tag is the ETag: the version, and the end of the credentials, so that a phone which asks whether anything is new gets
// new ones in time.
func (c clientConfig) tag() string {
	for _, s := range c.ICE {
		if !s.Expires.IsZero() {
			return `"` + c.Version + "." + strconv.FormatInt(s.Expires.Unix(), 36) + `"`
		}
	}
	return `"` + c.Version + `"`
}

// stun is host:port of the STUN server; "": none.
func (c clientConfig) stun() string {
	for _, s := range c.ICE {
		for _, u := range s.URLs {
			if at, ok := strings.CutPrefix(u, "stun:"); ok {
				return at
			}
		}
	}
	return ""
}

// turn is the TURN server of a phone that takes one: by UDP when there is that, since sound is.
func (c clientConfig) turn() (s ICEServer, at, transport string) {
	for _, s := range c.ICE {
		for _, u := range s.URLs {
			scheme, rest, _ := strings.Cut(u, ":")
			at, by, found := strings.Cut(rest, "?transport=")
			switch {
			case !found:
				continue
			case scheme == "turns":
				by = "tls"
			}
			return s, at, by
		}
	}
	return ICEServer{}, "", ""
}

// natPolicy is what Linphone knows of ICE: one server is both STUN and TURN there, and its password is that of an
// auth_info of its own.
func natPolicy(c clientConfig) []lpSection {
	s, at, transport := c.turn()
	if at == "" {
		return nil
	}
	by := func(t string) string {
		if t == transport {
			return "1"
		}
		return "0"
	}
	return []lpSection{
		section("nat_policy_0", "ref", linphonePolicy, "stun_server", at, "stun_server_username", s.Username, "protocols", "stun,turn,ice",
			"turn_enable_udp", by("udp"), "turn_enable_tcp", by("tcp"), "turn_enable_tls", by("tls")),
		section("auth_info_1", "username", s.Username, "passwd", s.Password, "realm", c.Server.Domain),
	}
}
