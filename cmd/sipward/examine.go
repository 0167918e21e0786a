package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"

	"sipward/internal/pki"
	"sipward/internal/store"
)

// examine gathers what the doctor looks at from the configuration.
func examine(_ context.Context, name string) (patient, error) {
	c, err := loadConfig(configFile(name), os.Environ())
	if err != nil {
		return patient{}, err
	}
	files := pki.Files{Cert: c.TLS.Cert, Key: c.TLS.Key}
	if c.TLS.Cert == "" {
		files = pki.In(filepath.Join(c.DataDir, "tls"))
	}
	return patient{
		DataDir: c.DataDir, Store: c.storeName(), Ping: c.pingStore,
		Cert: files.Cert, Key: files.Key, Generated: c.TLS.Cert == "", Names: c.names()[:1],
		Ports: c.ports(), Health: c.healthURL(),
	}, nil
}

func (c Config) storeName() string {
	if c.Redis.URL != "" {
		return "Redis"
	}
	return "embedded store in " + filepath.Join(c.DataDir, "store")
}

// pingStore asks Redis. The embedded file belongs to the server while it runs, so it is left alone.
func (c Config) pingStore(ctx context.Context) error {
	if c.Redis.URL == "" {
		return nil
	}
	s, err := store.Open(ctx, c.storeConfig(), slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	return s.Close()
}

func (c Config) ports() []portOf {
	var list []portOf
	links := ""
	if c.Redis.URL != "" {
		links = c.Node.Listen
	}
	for _, p := range []struct {
		key, network string
		addresses    []string
	}{
		{"sip.udp", "udp", c.SIP.UDP}, {"sip.tcp", "tcp", c.SIP.TCP}, {"sip.tls", "tcp", c.SIP.TLS}, {"sip.wss", "tcp", c.SIP.WSS},
		{"http.public", "tcp", []string{c.HTTP.Public}}, {"http.admin", "tcp", []string{c.HTTP.Admin}}, {"http.metrics", "tcp", []string{c.HTTP.Metrics}},
		{"node.listen", "tcp", []string{links}},
	} {
		for _, a := range p.addresses {
			if a != "" {
				list = append(list, portOf{Key: p.key, Network: p.network, Address: a})
			}
		}
	}
	return list
}

func (c Config) healthURL() string {
	if c.HTTP.Metrics == "" {
		return ""
	}
	return "http://" + c.HTTP.Metrics + "/livez"
}
