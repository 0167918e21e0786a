package main

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sipward/internal/account"
	"sipward/internal/seal"
	"sipward/internal/store/kv/redis"
	"sipward/internal/syslog"
	"sipward/media"
)

// reDomain is a host name of labels, or an address.
var reDomain = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

// Validate returns every fault, each one line that names the key and the mend.
func (c Config) Validate() []error {
	var v faults
	v.check(reDomain.MatchString(c.Domain), "domain: %q is no host name: want for example sip.example.com", c.Domain)
	v.check(c.DataDir != "", "data_dir: must not be empty")
	if c.RootKey != "" {
		_, err := seal.ParseRoots(c.RootKey)
		v.check(err == nil, "root_key: %v", err)
	}
	c.Node.validate(&v)
	c.Admin.validate(&v)
	if c.Redis.URL != "" {
		err := redis.Check(c.Redis.URL)
		v.check(err == nil, "%v", err)
	}
	c.SIP.validate(&v)
	c.Media.validate(&v)
	_, err := c.Limits.prefixes()
	v.check(err == nil, "limits.exempt: %v", err)
	_, _, err = c.Limits.announcements()
	v.check(err == nil, "limits.announcements_per_account: %v", err)
	c.notNegative(&v)
	c.HTTP.validate(&v)
	c.App.validate(&v)
	v.check((c.TLS.Cert == "") == (c.TLS.Key == ""), "tls.cert and tls.key: give both, or neither for a generated certificate")
	v.oneOf("store.fsync", c.Store.Fsync, "always", "interval")
	v.check(c.Store.MaxStaleness >= time.Second && c.Store.MaxStaleness <= 5*time.Minute, "store.max_staleness: want 1s to 5m, not %s", c.Store.MaxStaleness)
	c.Messages.validate(&v)
	c.Licence.validate(&v)
	c.SMS.validate(&v)
	c.Mail.validate(&v)
	c.SNOM.validate(&v)
	v.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	if err := c.Trace.spans("").Validate(); err != nil {
		v = append(v, err)
	}
	if c.Syslog.URL != "" {
		err := syslog.Check(c.Syslog.URL)
		v.check(err == nil, "syslog.url: %v", err)
	}
	v.check(c.Log.MaskDigits >= 0 && c.Log.MaskDigits <= 15, "log.mask_digits: want 0 to 15, not %d", c.Log.MaskDigits)
	v.oneOf("log.format", c.Log.Format, "", "text", "json")
	return v
}

type faults []error

func (v *faults) check(ok bool, format string, args ...any) {
	if !ok {
		*v = append(*v, fmt.Errorf(format, args...))
	}
}

func (v *faults) oneOf(key, value string, allowed ...string) {
	v.check(slices.Contains(allowed, value), "%s: %q is not one of %s", key, value, strings.Join(allowed, ", "))
}

func (v *faults) addresses(key string, list []string) {
	for _, a := range list {
		_, port, err := net.SplitHostPort(a)
		n, bad := strconv.Atoi(port)
		v.check(err == nil && bad == nil && n >= 0 && n < 1<<16, "%s: %q is no address: want host:port or :port", key, a)
	}
}

func (c SIPConfig) validate(v *faults) {
	for key, list := range map[string][]string{"sip.udp": c.UDP, "sip.tcp": c.TCP, "sip.tls": c.TLS, "sip.wss": c.WSS} {
		v.addresses(key, list)
	}
	v.check(len(c.UDP)+len(c.TCP)+len(c.TLS)+len(c.WSS) > 0, "sip: at least one of sip.udp, sip.tcp, sip.tls, sip.wss must have an address")
	v.oneOf("sip.client_cert", c.ClientCert, "optional", "required")
	v.check(c.ClientCert != "required" || c.ClientCA != "", "sip.client_cert: required, but sip.client_ca names no file with the CAs")
	v.check(c.Advertise == "" || reDomain.MatchString(c.Advertise), "sip.advertise: %q is no host name or address", c.Advertise)
	v.oneOf("sip.announce", c.Announce, "early", "answer", "none")
	for t, mode := range c.AnnounceByType {
		v.check(kind(t), "sip.announce_by_type: %q is no account type: want PGSM or SNOM", t)
		v.oneOf("sip.announce_by_type."+t, mode, "early", "answer", "none")
	}
	for agent, mode := range c.AnnounceByAgent {
		v.oneOf("sip.announce_by_agent."+agent, mode, "early", "answer", "none")
	}
	for _, p := range c.AnnounceFailures {
		v.oneOf("sip.announce_failures", p, string(media.NumberUnknown), string(media.NotReachable))
	}
	v.check(c.CalleeClip == "none" || slices.Contains(media.Prompts(), media.Prompt(c.CalleeClip)), "sip.callee_clip: there is no prompt %q", c.CalleeClip)
	v.oneOf("sip.disabled_register", c.DisabledRegister, "reject", "quarantine")
	for t, mode := range c.DisabledRegisterByType {
		v.check(kind(t), "sip.disabled_register_by_type: %q is no account type: want PGSM or SNOM", t)
		v.oneOf("sip.disabled_register_by_type."+t, mode, "reject", "quarantine")
	}
	v.oneOf("sip.disabled_calls", c.DisabledCalls, "end", "keep")
	v.check(c.RingTime >= time.Second, "sip.ring_time: want at least 1s")
}

func kind(t string) bool { return t == string(account.PGSM) || t == string(account.SNOM) }

func (c HTTPConfig) validate(v *faults) {
	for key, a := range map[string]string{"http.public": c.Public, "http.admin": c.Admin, "http.metrics": c.Metrics} {
		if a != "" {
			v.addresses(key, []string{a})
		}
	}
	_, err := networks(c.EgressAllow)
	v.check(err == nil, "http.egress_allow: %v", err)
	for _, p := range c.TrustedProxies {
		_, errP := netip.ParsePrefix(p)
		_, errA := netip.ParseAddr(p)
		v.check(errP == nil || errA == nil, "http.trusted_proxies: %q is neither an address nor a network", p)
	}
	if c.BaseURL != "" {
		u, err := url.Parse(c.BaseURL)
		v.check(err == nil && u.Scheme == "https" && u.Host != "", "http.base_url: %q must begin with https://", c.BaseURL)
	}
}

// notNegative holds for every number and time; those with a tighter bound say so themselves.
func (c Config) notNegative(v *faults) {
	for _, f := range fields() {
		switch n := f.value(reflect.ValueOf(c)).Interface().(type) {
		case int:
			v.check(n >= 0, "%s: %d: must not be negative", f.Key, n)
		case time.Duration:
			v.check(n >= 0, "%s: %s: must not be negative", f.Key, n)
		}
	}
}

func (c AdminConfig) validate(v *faults) {
	v.check(c.SessionIdle >= time.Minute, "admin.session_idle: want at least 1m")
	v.check(c.SessionLife >= c.SessionIdle, "admin.session_life: must not be shorter than admin.session_idle")
	v.check(c.Sessions >= 1, "admin.sessions: want at least 1")
	if c.OIDCIssuer != "" {
		v.check(strings.HasPrefix(c.OIDCIssuer, "https://") || strings.HasPrefix(c.OIDCIssuer, "http://127.0.0.1"), "admin.oidc_issuer: %q must begin with https://", c.OIDCIssuer)
		v.check(c.OIDCClient != "", "admin.oidc_client: is missing: register sipward with the provider")
		v.check(len(c.OIDCGroups) > 0, "admin.oidc_groups: is missing: without it nobody has a role")
	}
	for group, role := range c.OIDCGroups {
		v.oneOf("admin.oidc_groups."+group, role, "superadmin", "admin", "operator", "auditor")
	}
	if c.URL != "" {
		u, err := url.Parse(c.URL)
		v.check(err == nil && u.Scheme == "https" && u.Host != "" && strings.Trim(u.Path, "/") == "", "admin.url: %q: want https:// and a host, nothing behind it", c.URL)
	}
}

func (c LimitsConfig) prefixes() ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, s := range c.Exempt {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, err := netip.ParseAddr(s)
			if err != nil {
				return nil, fmt.Errorf("%q is no network: want for example 192.0.2.0/24", s)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		list = append(list, p)
	}
	return list, nil
}

// announcements reads count/time; 0 is no limit.
func (c LimitsConfig) announcements() (count int, window time.Duration, err error) {
	n, d, found := strings.Cut(c.AnnouncementsPerAccount, "/")
	count, errN := strconv.Atoi(n)
	if errN == nil && count == 0 && !found {
		return 0, 0, nil
	}
	window, errD := time.ParseDuration(d)
	if errN != nil || errD != nil || count < 0 || window <= 0 {
		return 0, 0, fmt.Errorf("%q: want count/time, for example 3/10m, or 0 for no limit", c.AnnouncementsPerAccount)
	}
	return count, window, nil
}

func parseAddr(s string) (netip.Addr, error) {
	if s == "" {
		return netip.Addr{}, nil
	}
	return netip.ParseAddr(s)
}
