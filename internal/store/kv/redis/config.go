package redis

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config says where Redis is and how it is used.
type Config struct {
	// URL is redis://, rediss:// (TLS), redis+sentinel://host,host/master, redis+cluster://host,host, or rediss+sentinel,
	// rediss+cluster; user:password@ before the hosts. Its query may hold ca, cert and key (PEM files), sentinel_user
	// and sentinel_password, and replicas (as Replicas).
	URL      string
	Prefix   string        // before every key; no brace in it, so that the hash tag stays the tag
	Replicas int           // how many must have a write before Durable returns, on each shard
	Timeout  time.Duration // of one call; 0: 200 ms
	Patience time.Duration // how long Open tries to reach Redis; 0: once
	Log      *slog.Logger  // nil: discarded
	Metrics  prometheus.Registerer
}

// mode is the kind of installation.
type mode int

const (
	single mode = iota
	sentinel
	cluster
)

// target is what a URL says. It is never printed: it holds passwords.
type target struct {
	mode                           mode
	hosts                          []string
	master                         string
	user, password                 string
	sentinelUser, sentinelPassword string
	replicas                       int
	tls                            *tls.Config
}

// String names the hosts, and nothing secret.
func (t target) String() string { return strings.Join(t.hosts, ",") }

func schemes() map[string]target {
	return map[string]target{
		"redis": {}, "rediss": {tls: &tls.Config{}},
		"redis+sentinel": {mode: sentinel}, "rediss+sentinel": {mode: sentinel, tls: &tls.Config{}},
		"redis+cluster": {mode: cluster}, "rediss+cluster": {mode: cluster, tls: &tls.Config{}},
	}
}

// Check says what is wrong with a URL, without connecting; its errors show no password.
func Check(url string) error {
	_, err := parse(url)
	return err
}

// parse reads a URL. net/url refuses several hosts with ports, and its errors repeat the password.
func parse(raw string) (target, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	t, known := schemes()[scheme]
	if !ok || !known {
		return target{}, errors.New("redis.url: want redis://host:port, rediss://…, redis+sentinel://host,host/master or redis+cluster://host,host")
	}
	rest, query, _ := strings.Cut(rest, "?")
	at := strings.LastIndexByte(rest, '@')
	if err := t.credentials(rest[:max(at, 0)]); err != nil {
		return target{}, err
	}
	hosts, path, _ := strings.Cut(rest[at+1:], "/")
	if err := t.addresses(hosts); err != nil {
		return target{}, err
	}
	if err := t.path(strings.Trim(path, "/")); err != nil {
		return target{}, err
	}
	return t, t.query(query)
}

func (t *target) credentials(s string) error {
	user, password, both := strings.Cut(s, ":")
	var err1, err2 error
	t.user, err1 = url.PathUnescape(user)
	t.password, err2 = url.PathUnescape(password)
	if err1 != nil || err2 != nil {
		return errors.New("redis.url: the user or password has a bad %-escape: write % as %25")
	}
	if user != "" && !both {
		return errors.New("redis.url: a user without a password: write user:password@, or :password@")
	}
	return nil
}

func (t *target) addresses(hosts string) error {
	port := "6379"
	if t.mode == sentinel {
		port = "26379"
	}
	for h := range strings.SplitSeq(hosts, ",") {
		if h == "" {
			return errors.New("redis.url: an empty host")
		}
		if _, p, err := net.SplitHostPort(h); err != nil {
			h = net.JoinHostPort(strings.Trim(h, "[]"), port)
		} else if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("redis.url: %q has no port of 1 to 65535", h)
		}
		t.hosts = append(t.hosts, h)
	}
	if t.mode == single && len(t.hosts) > 1 {
		return errors.New("redis.url: several hosts need redis+sentinel:// or redis+cluster://")
	}
	return nil
}

func (t *target) path(p string) error {
	switch {
	case t.mode == sentinel && p == "":
		return errors.New("redis.url: sentinel needs the name of the master: redis+sentinel://host,host/NAME")
	case t.mode == sentinel:
		t.master = p
	case p != "" && p != "0":
		return errors.New("redis.url: only database 0 is used; give sipward a Redis of its own")
	}
	return nil
}

func (t *target) query(q string) error {
	values, err := url.ParseQuery(q)
	if err != nil {
		return errors.New("redis.url: the part behind ? cannot be read")
	}
	for name := range values {
		v := values.Get(name)
		switch name {
		case "replicas":
			if t.replicas, err = strconv.Atoi(v); err != nil || t.replicas < 0 {
				return fmt.Errorf("redis.url: replicas=%q is not a number", v)
			}
		case "sentinel_user":
			t.sentinelUser = v
		case "sentinel_password":
			t.sentinelPassword = v
		case "ca", "cert", "key":
		default:
			return fmt.Errorf("redis.url: unknown parameter %q: want ca, cert, key, replicas, sentinel_user, sentinel_password", name)
		}
	}
	return t.files(values.Get("ca"), values.Get("cert"), values.Get("key"))
}

// files loads what TLS needs beyond the system's roots. The server name is each host's own: go-redis fills it in.
func (t *target) files(ca, cert, key string) error {
	if t.tls == nil {
		if ca+cert+key != "" {
			return errors.New("redis.url: ca, cert and key need a scheme with TLS: rediss://")
		}
		return nil
	}
	t.tls.MinVersion = tls.VersionTLS12
	if t.mode == single {
		t.tls.ServerName, _, _ = net.SplitHostPort(t.hosts[0])
	}
	if err := t.roots(ca); err != nil {
		return err
	}
	if cert == "" && key == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("redis.url: cert and key: %w", err)
	}
	t.tls.Certificates = []tls.Certificate{pair}
	return nil
}

// roots loads whom to trust now: loading the system's roots within the first handshake would take longer than a call may.
func (t *target) roots(ca string) error {
	var err error
	if ca == "" {
		if t.tls.RootCAs, err = x509.SystemCertPool(); err != nil {
			return fmt.Errorf("redis.url: the system's certificates: %w", err)
		}
		return nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return fmt.Errorf("redis.url: ca: %w", err)
	}
	t.tls.RootCAs = x509.NewCertPool()
	if !t.tls.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("redis.url: ca: %s holds no certificate", ca)
	}
	return nil
}
