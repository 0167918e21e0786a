package main

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"

	"sipward/internal/account"
	"sipward/internal/seal"
)

// reNode is what a node may be called: it becomes part of keys and tokens.
var reNode = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,62}$`)

// rootKeys are the configured root keys, or those of the generated file.
func rootKeys(c Config) ([]seal.Root, error) {
	if c.RootKey == "" {
		return seal.LoadOrCreate(rootFile(c))
	}
	return seal.ParseRoots(c.RootKey)
}

func rootFile(c Config) string { return filepath.Join(c.DataDir, "root.key") }

// nodeID is the configured id, or one that is made once and kept: a binding names its node, so the name must survive a
// restart.
func nodeID(c Config) (string, error) {
	id := c.Node.ID
	if id == "" {
		host, _ := os.Hostname()
		host, _, _ = strings.Cut(host, ".")
		made, err := keepText(filepath.Join(c.DataDir, "node.id"), func() string { return host + "-" + strings.ToLower(rand.Text()[:6]) })
		if err != nil {
			return "", err
		}
		id = made
	}
	if !reNode.MatchString(id) {
		return "", fmt.Errorf("node.id: %q: want letters, digits and hyphens, 63 at most", id)
	}
	return id, nil
}

const (
	minToken  = 16 // characters of a bootstrap token below which it is warned of: it is superadmin, and may be guessed at for ever
	longToken = "give one of 16 characters or more (openssl rand -hex 24), or none for a generated one"
)

func (c AdminConfig) guessable() bool {
	return c.BootstrapToken != "" && len(c.BootstrapToken) < minToken
}

// bootstrapToken is the configured token, or one that comes from the root key, so that each node of a cluster writes down
// one that all of them take.
func bootstrapToken(c Config, root seal.Root) (account.Secret, error) {
	if c.Admin.BootstrapToken != "" {
		return account.Secret(c.Admin.BootstrapToken), nil
	}
	s, err := keepText(tokenFile(c), func() string {
		key := root.Derive("bootstrap token")
		return "sw_bootstrap_" + strings.ToLower(base32.StdEncoding.EncodeToString(key[:20])) // 160 bits, no padding
	})
	return account.Secret(s), err
}

func tokenFile(c Config) string { return filepath.Join(c.DataDir, "admin.token") }

// keepText reads a one-line file of mode 0600, or makes it.
func keepText(file string, fresh func() string) (string, error) {
	b, err := os.ReadFile(file)
	if err == nil {
		return strings.TrimSpace(string(b)), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", fmt.Errorf("data_dir: %w: give a directory this user may write", err)
	}
	text := fresh()
	return text, os.WriteFile(file, []byte(text+"\n"), 0o600)
}

// names are what a generated certificate is for: domain, advertised name, host name, and this machine's addresses.
func (c Config) names() []string {
	list := []string{c.Domain}
	add := func(n string) {
		for _, have := range list {
			if have == n {
				return
			}
		}
		if n != "" {
			list = append(list, n)
		}
	}
	add(c.SIP.Advertise)
	host, _ := os.Hostname()
	add(host)
	add("localhost")
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLinkLocalUnicast() {
			add(ip.IP.String())
		}
	}
	add("127.0.0.1")
	return list
}

// built is a release's name, set by the linker (-X main.built=v1.2.3): with the commit in it, two builds from different
// folders would differ.
var built string

// version is the module's version and revision, as the build knows them.
func version() string {
	if built != "" {
		return built
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 && !strings.Contains(v, s.Value[:12]) {
			v += " " + s.Value[:12]
		}
	}
	return v
}
