package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"sipward/internal/pki"
	"sipward/internal/seal"
	"sipward/internal/store"
)

// examine gathers what the doctor looks at from the configuration.
func examine(getenv lookup) func(ctx context.Context, configFile string) (patient, error) {
	return func(_ context.Context, name string) (patient, error) {
		c, err := loadConfig(configFile(name, getenv), os.Environ())
		if err != nil {
			return patient{}, err
		}
		return c.patient()
	}
}

func (c Config) patient() (patient, error) {
	files := pki.Files{Cert: c.TLS.Cert, Key: c.TLS.Key}
	if c.TLS.Cert == "" {
		files = pki.In(filepath.Join(c.DataDir, "tls"))
	}
	node, err := knownNode(c)
	if err != nil {
		return patient{}, err
	}
	return patient{
		DataDir: c.DataDir, Store: c.storeName(), Ping: c.pingStore,
		Cert: files.Cert, Key: files.Key, Generated: c.TLS.Cert == "", Names: c.names()[:1],
		Ports: c.ports(), Node: node, Running: c.runningURL(), Guessable: c.Admin.guessable(),
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
	roots, err := knownRoots(c)
	if err == nil {
		err = s.Fits(ctx, rootChecks(roots)...)
	}
	return errors.Join(err, s.Close())
}

// knownNode is the node's name, without making one; "" before the first start.
func knownNode(c Config) (string, error) {
	if !there(filepath.Join(c.DataDir, "node.id")) {
		return c.Node.ID, nil
	}
	return nodeID(c)
}

// knownRoots are the root keys, without making one; none before the first start.
func knownRoots(c Config) ([]seal.Root, error) {
	if c.RootKey == "" && !there(rootFile(c)) {
		return nil, nil
	}
	return rootKeys(c)
}

func there(file string) bool {
	_, err := os.Stat(file)
	return !errors.Is(err, fs.ErrNotExist)
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
		{"media.turn.udp", "udp", c.Media.TURN.UDP}, {"media.turn.tcp", "tcp", c.Media.TURN.TCP}, {"media.turn.tls", "tcp", c.Media.TURN.TLS},
	} {
		for _, a := range p.addresses {
			if a != "" {
				list = append(list, portOf{Key: p.key, Network: p.network, Address: a})
			}
		}
	}
	return list
}

// portsFree names every port of the configuration that another program holds, where binding them would stop at the first.
func (c Config) portsFree() error {
	var taken []string
	for _, p := range c.ports() {
		if errors.Is(tryBind(p), syscall.EADDRINUSE) {
			taken = append(taken, fmt.Sprintf("%s %s (%s)", p.Key, p.Address, field{Key: p.Key}.Env()))
		}
	}
	if len(taken) == 0 {
		return nil
	}
	return fmt.Errorf("%s: taken, another program has them in use (ss -lnp shows it): stop it, or set another port", strings.Join(taken, ", "))
}

func (c Config) runningURL() string {
	if c.HTTP.Metrics == "" {
		return ""
	}
	return "http://" + c.HTTP.Metrics + nodePath
}
