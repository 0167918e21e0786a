package phone

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/media"
)

// SRTP is the media policy of a phone.
type SRTP string

// The media policies (`sipward phone --srtp`).
const (
	SRTPOff      SRTP = "off"      // RTP/AVP only
	SRTPOptional SRTP = "optional" // RTP/AVP with a=crypto offered where the signalling is encrypted
	SRTPRequired SRTP = "required" // RTP/SAVP, never clear RTP
)

// Config describes a phone. Zero values work, but for Server or Listen: one of them says where messages go or come from.
type Config struct {
	Server    string // host:port of the server, which every request goes to; empty: only what comes in
	Transport string // udp, tcp, tls, wss; empty: udp
	TLS       *tls.Config
	Listen    string // address to accept connections on (tcp, tls) or to bind (udp); empty: an ephemeral UDP port, no listener

	Domain   string // SIP domain; empty: host of Server
	User     string // authentication name and user part of our address
	Password Secret
	Number   string // our own number where it differs from User, put into From; empty: User
	Display  string
	Digest   string // SHA-256 or MD5: the only algorithm used; empty: the best that is offered

	Expires   time.Duration // of a registration; 0: 600 s
	Instance  string        // urn:uuid:… (RFC 5626 section 4.1); empty: a random one
	RegID     int           // RFC 5626 reg-id; 0: 1; negative: none and no instance
	GRUU      string        // "pub-gruu" or "temp-gruu": which of those that the server gave goes into Contact (RFC 5627); empty: none
	KeepAlive time.Duration // between CRLF pings; 0: none
	NoRefresh bool          // registrations are not refreshed by themselves
	NoPRACK   bool          // 100rel is not offered
	T1        time.Duration // RFC 3261 timer T1; 0: 500 ms
	UserAgent string

	SRTP   SRTP          // empty: off
	Mute   bool          // no audio at all: SDP is exchanged, RTP neither sent nor kept
	Play   string        // WAV file sent in calls; empty: silence until Tone or Play says otherwise
	Tone   int           // Hz; sent when Play is empty; 0: none
	Record string        // WAV file that what is heard goes to; with several calls each later one gets a -2, -3 …
	Linger time.Duration // how long to go on listening after a call's end, to hear whether the far end has stopped
	Codecs []media.Codec // in order of preference; nil: all
	Suites []media.Suite // of SRTP, in order of preference; nil: all

	// OnRequest sees every new request first. It returns nil for the usual treatment, or what to answer at once, so that
	// a test can misbehave or stand in for a server. It must not block.
	OnRequest func(*gosip.Request) *Reply
	// OnMessage is called for every ladder entry as it happens, in order. It must not block.
	OnMessage func(Entry)
}

// Reply is an answer made by a hook.
type Reply struct {
	Code   int      // negative: stay silent
	Phrase string   // empty: the usual one
	Fields []string // extra header lines, "Name: value"
	SDP    []byte
}

// Secret is a password; it prints as a redaction.
type Secret string

// String hides the secret.
func (Secret) String() string { return "[redacted]" }

// GoString hides the secret from %#v as well.
func (Secret) GoString() string { return "[redacted]" }

func (c Config) withDefaults() (Config, error) {
	var faults []error
	c.Transport = strings.ToLower(or(c.Transport, "udp"))
	switch c.Transport {
	case "udp", "tcp", "tls", "wss":
	default:
		faults = append(faults, fmt.Errorf("transport %q: use udp, tcp, tls or wss", c.Transport))
	}
	if c.Server != "" {
		host, _, err := net.SplitHostPort(c.Server)
		if err != nil {
			faults = append(faults, fmt.Errorf("server %q: use host:port", c.Server))
		}
		c.Domain = or(c.Domain, host)
	}
	if c.Server == "" && c.Listen == "" && c.Transport != "udp" {
		faults = append(faults, errors.New("neither a server nor a listening address: set one"))
	}
	switch c.SRTP {
	case "":
		c.SRTP = SRTPOff
	case SRTPOff, SRTPOptional, SRTPRequired:
	default:
		faults = append(faults, fmt.Errorf("srtp %q: use off, optional or required", c.SRTP))
	}
	switch c.Digest {
	case "", "SHA-256", "MD5":
	default:
		faults = append(faults, fmt.Errorf("digest %q: use SHA-256 or MD5", c.Digest))
	}
	for what, s := range map[string]string{"user": c.User, "domain": c.Domain, "number": c.Number, "display": c.Display} {
		if strings.ContainsAny(s, "\r\n\"<> ") && what != "display" || strings.ContainsAny(s, "\r\n\"") {
			faults = append(faults, fmt.Errorf("%s %q: blanks, quotes and line ends cannot be part of it", what, s))
		}
	}
	c.Domain = or(c.Domain, "localhost")
	c.Number = or(c.Number, c.User)
	c.Instance = or(c.Instance, "urn:uuid:"+randomUUID())
	c.UserAgent = or(c.UserAgent, "sipward-phone")
	c.Expires = or(c.Expires, 600*time.Second)
	c.T1 = or(c.T1, 500*time.Millisecond)
	c.RegID = or(c.RegID, 1)
	return c, errors.Join(faults...)
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
