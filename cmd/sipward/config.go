package main

import (
	"time"

	"sipward/internal/telemetry"
)

// Config is the whole configuration: one YAML file, every key also as an environment variable (SIPWARD_ and the path in
// upper case with _). The doc tags are the table in docs/configuration.md and of `sipward config docs`; a test compares them.
type Config struct {
	Domain    string `koanf:"domain" doc:"SIP domain and digest realm"`
	DataDir   string `koanf:"data_dir" doc:"embedded store, generated keys and certificates, the node's name, outbox files"`
	RootKey   string `koanf:"root_key" secret:"yes" doc:"root of all keys, 64 hex digits, the same on every node; two with a comma while it is changed (docs/operator.md); empty: the file root.key in data_dir, made on the first start"`
	Redis     RedisConfig
	Node      NodeConfig
	SIP       SIPConfig `koanf:"sip"`
	Media     MediaConfig
	Limits    LimitsConfig
	HTTP      HTTPConfig `koanf:"http"`
	TLS       TLSConfig  `koanf:"tls"`
	Admin     AdminConfig
	Store     StoreConfig
	Retention RetentionConfig
	Messages  MessagesConfig
	Licence   LicenceConfig
	SMS       SMSConfig `koanf:"sms"`
	Mail      MailConfig
	SNOM      SNOMConfig `koanf:"snom"`
	App       AppConfig
	Log       LogConfig
	Syslog    SyslogConfig
	Trace     TraceConfig
}

// RedisConfig says where the shared state lies.
type RedisConfig struct {
	URL string `koanf:"url" secret:"yes" doc:"redis://, rediss://, redis+sentinel://host,host/master or redis+cluster://…; empty: the embedded store in data_dir"`
}

// NodeConfig is this node towards its peers.
type NodeConfig struct {
	ID      string `koanf:"id" doc:"name of this node among its peers; empty: the host name and a random part, kept in data_dir"`
	Listen  string `koanf:"listen" doc:"address for the links of other nodes (TLS under the root key); used with Redis only"`
	Address string `koanf:"address" doc:"host:port where other nodes reach node.listen; empty: the first address of this machine"`
}

// SIPConfig is the SIP node.
type SIPConfig struct {
	UDP                    []string          `koanf:"udp" doc:"addresses to listen on, comma-separated; empty: off"`
	TCP                    []string          `koanf:"tcp" doc:"the same for TCP"`
	TLS                    []string          `koanf:"tls" doc:"the same for TLS"`
	WSS                    []string          `koanf:"wss" doc:"the same for secure WebSocket (RFC 7118)"`
	ClientCA               string            `koanf:"client_ca" doc:"PEM file with the CAs of phones' certificates, for TLS and WSS: one that is shown must be theirs and in date; empty: none is asked for"`
	ClientCert             string            `koanf:"client_cert" doc:"optional, or required: a phone without a certificate of sip.client_ca gets no connection"`
	Advertise              string            `koanf:"advertise" doc:"host or address put into Via, Record-Route and Contact; empty: the local address"`
	Announce               string            `koanf:"announce" doc:"how a refusal is said aloud: early (before the call is answered), answer, or none"`
	AnnounceByType         map[string]string `koanf:"announce_by_type" doc:"overrides by account type, for example SNOM: answer"`
	AnnounceByAgent        map[string]string `koanf:"announce_by_agent" doc:"overrides by the beginning of the User-Agent, for example Linphone: answer"`
	AnnounceFailures       []string          `koanf:"announce_failures" doc:"other failures that play their clip: number-unknown, not-reachable"`
	CalleeClip             string            `koanf:"callee_clip" doc:"clip for a call to a disabled account: callee-disabled, callee-unavailable, or none"`
	DisabledRegister       string            `koanf:"disabled_register" doc:"answer to REGISTER of a disabled account: reject (403) or quarantine (200, never routed)"`
	DisabledRegisterByType map[string]string `koanf:"disabled_register_by_type" doc:"overrides by account type"`
	DigestMD5Agents        []string          `koanf:"digest_md5_agents" doc:"phones, by the beginning of their User-Agent, that give up at a challenge with SHA-256 and are offered MD5 alone"`
	DisabledCalls          string            `koanf:"disabled_calls" doc:"live calls of an account that is disabled: end or keep"`
	RingTime               time.Duration     `koanf:"ring_time" doc:"how long phones ring before the caller gets 480"`
	DrainTime              time.Duration     `koanf:"drain_time" doc:"how long calls may go on after SIGTERM"`
}

// MediaConfig is the sound.
type MediaConfig struct {
	Ports            string            `koanf:"ports" doc:"UDP ports for RTP and RTCP, first-last"`
	Address          string            `koanf:"address" doc:"address put into SDP; empty: the one the phone reached us by"`
	Relay            string            `koanf:"relay" doc:"whose media goes through the server: auto (phones that could not reach each other), always, or never"`
	RelayByType      map[string]string `koanf:"relay_by_type" doc:"overrides by account type, for example SNOM: never; of two phones' modes the one that relays more counts"`
	RelayAcrossNodes bool              `koanf:"relay_across_nodes" doc:"auto relays calls between phones of different nodes, too"`
	RelaySilence     time.Duration     `koanf:"relay_silence" doc:"how long neither phone of a relayed call may send anything, but for hold, until the call is ended; 0: for ever"`
	MaxStreams       int               `koanf:"max_streams" doc:"announcements at the same time, at most; the excess is refused without sound"`
	TURN             TURNConfig        `koanf:"turn"`
}

// LimitsConfig bounds what one account or address may do.
type LimitsConfig struct {
	Exempt                  []string `koanf:"exempt" doc:"networks (CIDR) that are never rate-limited or banned"`
	ConnectionsPerAddress   int      `koanf:"connections_per_address" doc:"SIP connections of one address; 0: 200"`
	CallsPerAccount         int      `koanf:"calls_per_account" doc:"calls that one account may place at a time, on each node; 0: no limit"`
	CallsPerMinute          int      `koanf:"calls_per_minute" doc:"calls that one account may place within a minute, on each node; 0: no limit"`
	RelayedLines            int      `koanf:"relayed_lines_per_account" doc:"lines (sound, picture) of the calls that one account has placed and whose media goes through the server, at a time, on each node; 0: no limit but calls_per_account"`
	Destinations            []string `koanf:"destinations" doc:"beginnings of the numbers that may be dialled; empty: all"`
	AnnouncementsPerAccount string   `koanf:"announcements_per_account" doc:"announcements one account hears, count/time; 0: no limit"`
}

// HTTPConfig is the HTTP listeners.
type HTTPConfig struct {
	Public  string `koanf:"public" doc:"HTTPS for phones; empty: off"`
	Admin   string `koanf:"admin" doc:"admin API; HTTPS unless the address is loopback; empty: off"`
	Metrics string `koanf:"metrics" doc:"Prometheus metrics and profiles; empty: off"`
	BaseURL string `koanf:"base_url" doc:"what all links begin with; empty: https://, the domain, and the port of http.public unless it is 443"`

	EgressAllow    []string `koanf:"egress_allow" doc:"private networks that webhooks and single sign-on may reach, also by plain http; empty: none"`
	TrustedProxies []string `koanf:"trusted_proxies" doc:"addresses and networks whose X-Forwarded-For and X-Forwarded-Proto count on http.admin; empty: none"`
}

// TLSConfig is the certificate.
type TLSConfig struct {
	Cert     string `koanf:"cert" doc:"certificate chain, PEM; empty: one is generated in data_dir/tls"`
	Key      string `koanf:"key" doc:"its key, PEM"`
	ClientCA string `koanf:"client_ca" doc:"PEM file with the CAs of the apps' certificates: an app that shows one at its activation is bound to it; empty: none is asked for"`
	SNOMCA   string `koanf:"snom_ca" doc:"PEM file with the CAs of SNOM's factory certificates; empty: they prove nothing"`
}

// AdminConfig is the operators' access.
type AdminConfig struct {
	BootstrapToken string            `koanf:"bootstrap_token" secret:"yes" doc:"bearer token that is superadmin until there is an operator (one below 16 characters is warned of); empty: one from the root key, the same on every node, in data_dir/admin.token"`
	URL            string            `koanf:"url" doc:"address of the console as browsers see it, for set-up links and single sign-on; empty: that of http.admin"`
	OIDCIssuer     string            `koanf:"oidc_issuer" doc:"provider of single sign-on (OpenID Connect), https://…; empty: off"`
	OIDCClient     string            `koanf:"oidc_client" doc:"our client id there; its redirect address is admin.url and /api/v1/session/oidc/callback"`
	OIDCSecret     string            `koanf:"oidc_secret" secret:"yes" doc:"our client secret there"`
	OIDCClaim      string            `koanf:"oidc_claim" doc:"claim of the ID token that names the groups"`
	OIDCGroups     map[string]string `koanf:"oidc_groups" doc:"roles by group, for example voice-admins=admin,helpdesk=operator; the highest counts"`
	SessionIdle    time.Duration     `koanf:"session_idle" doc:"a session ends when it was not used for so long"`
	SessionLife    time.Duration     `koanf:"session_life" doc:"a session ends after so long in any case"`
	Sessions       int               `koanf:"sessions" doc:"sessions that one operator may have at a time; a new one ends the oldest"`
}

// StoreConfig is how the state is kept.
type StoreConfig struct {
	Fsync        string        `koanf:"fsync" doc:"embedded store: always (nothing is lost by a power cut) or interval (at most 1 s)"`
	MaxStaleness time.Duration `koanf:"max_staleness" doc:"how long known accounts are served while the store is away, 1s to 5m"`
}

// LicenceConfig is the proxy to the vendor's licence server.
type LicenceConfig struct {
	Upstream   string        `koanf:"upstream" doc:"the vendor's licence server, https://…; empty: none, imported documents are served"`
	Credential string        `koanf:"credential" secret:"yes" doc:"bearer token towards it"`
	PublicKey  string        `koanf:"public_key" doc:"the vendor's Ed25519 keys: base64, comma-separated, or PEM; nothing is served that they do not verify"`
	CA         string        `koanf:"ca" doc:"PEM file with the CAs of the vendor's certificate; empty: the system's"`
	Direct     string        `koanf:"direct" doc:"where accounts made by hand ask; empty: licence.upstream"`
	Products   []string      `koanf:"products" doc:"products that may be asked for, the first by default"`
	Fresh      time.Duration `koanf:"fresh" doc:"age until which the vendor is not asked again"`
	Stale      time.Duration `koanf:"stale" doc:"age until which a document is served without a mark, while the vendor is asked"`
	Grace      time.Duration `koanf:"grace" doc:"how much longer it is served, marked, when the vendor does not answer; never past its own end"`
}

// MessagesConfig is secure messages between phones.
type MessagesConfig struct {
	MaxBytes  int           `koanf:"max_bytes" doc:"size of a secure message, at most 8192"`
	Keep      time.Duration `koanf:"keep" doc:"how long one waits for its recipient's phone"`
	Waiting   int           `koanf:"waiting" doc:"messages that wait for one account"`
	Share     int           `koanf:"share" doc:"of these, messages of one sender"`
	PerMinute int           `koanf:"per_minute" doc:"messages that one account may send within a minute"`
}

// RetentionConfig is how long what has happened is remembered.
type RetentionConfig struct {
	Calls       time.Duration `koanf:"calls" doc:"ended calls; 0: none are kept"`
	SIPSessions time.Duration `koanf:"sip_sessions" doc:"connections and registrations; 0: none are kept"`
	Audit       time.Duration `koanf:"audit" doc:"the audit log; 0: for ever"`
	SignIns     time.Duration `koanf:"sign_ins" doc:"who signed in, and who failed; 0: none are kept"`
	Messages    time.Duration `koanf:"messages" doc:"who sent whom a secure message, and what became of it; 0: none are kept"`
}

// LogConfig is the log.
type LogConfig struct {
	Level  string `koanf:"level" doc:"debug, info, warn or error"`
	Format string `koanf:"format" doc:"text or json; empty: text on a terminal, else json"`

	MaskDigits int `koanf:"mask_digits" doc:"how many of the last digits of numbers are hidden in the log and in exports of logs; 0: none"`
}

// SyslogConfig is where security events go besides the store.
type SyslogConfig struct {
	URL string `koanf:"url" doc:"a collector (SIEM) of audit entries, sign-ins and security incidents of the SIP side, in CEF over syslog: udp://, tcp:// or tls:// with host and port; empty: none"`
	CA  string `koanf:"ca" doc:"PEM file of the CA of a tls:// collector; empty: the system's"`
}

// TraceConfig is where spans of OpenTelemetry go.
type TraceConfig struct {
	OTLP  string  `koanf:"otlp" doc:"a collector of OpenTelemetry spans (OTLP over HTTP), http(s)://host:port: requests are followed through SIP, HTTP and the store; empty: none are"`
	Share float64 `koanf:"share" doc:"of the requests, how many are followed, 0 to 1, where whoever asks has not decided (traceparent)"`
}

func (c TraceConfig) spans(node string) telemetry.SpanConfig {
	return telemetry.SpanConfig{OTLP: c.OTLP, Share: c.Share, Node: node, Version: version()}
}

// Defaults is the configuration when nothing is said.
func Defaults() Config {
	return Config{
		Domain: "sipward.local", DataDir: "data",
		Node: NodeConfig{Listen: ":5070"},
		SIP: SIPConfig{
			UDP: []string{":5060"}, TCP: []string{":5060"}, TLS: []string{":5061"}, WSS: []string{":5062"},
			Announce: "early", CalleeClip: "callee-disabled", DisabledRegister: "reject", DisabledCalls: "end", ClientCert: "optional",
			DigestMD5Agents: []string{"baresip v0", "baresip v1", "baresip v2", "SIP.js", "JsSIP"},
			RingTime:        time.Minute, DrainTime: time.Minute,
		},
		Media: MediaConfig{Ports: "20000-29999", MaxStreams: 5000, Relay: "auto", RelaySilence: time.Minute,
			TURN: TURNConfig{Ports: "30000-30999", PerAccount: 10, Lifetime: 24 * time.Hour}},
		Limits: LimitsConfig{CallsPerAccount: 4, AnnouncementsPerAccount: "3/10m"},
		HTTP:   HTTPConfig{Public: ":8443", Admin: "127.0.0.1:8080", Metrics: "127.0.0.1:9090"},
		Admin:  AdminConfig{OIDCClaim: "groups", SessionIdle: 30 * time.Minute, SessionLife: 12 * time.Hour, Sessions: 1},
		Store:  StoreConfig{Fsync: "always", MaxStaleness: 30 * time.Second},
		Licence: LicenceConfig{
			Products: []string{"pgsm"}, Fresh: 24 * time.Hour, Stale: 72 * time.Hour, Grace: 7 * 24 * time.Hour,
		},
		SMS:       SMSConfig{Driver: "file", From: "sipward", PerNumber: 3, Daily: 10000},
		Mail:      MailConfig{Driver: "file", Daily: 10000, SMTP: SMTPServer{Security: "starttls"}},
		SNOM:      SNOMConfig{Refresh: 24 * time.Hour},
		Messages:  MessagesConfig{MaxBytes: 600, Keep: 72 * time.Hour, Waiting: 1000, Share: 200, PerMinute: 60},
		Retention: RetentionConfig{Calls: 90 * 24 * time.Hour, SIPSessions: 30 * 24 * time.Hour, SignIns: 365 * 24 * time.Hour, Messages: 30 * 24 * time.Hour},
		Log:       LogConfig{Level: "info"},
		Trace:     TraceConfig{Share: 1},
	}
}
