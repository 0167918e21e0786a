package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/spf13/cobra"

	"sipward/internal/telemetry"
)

func serveCommand(getenv lookup) *cobra.Command {
	var name string
	var demo bool
	c := &cobra.Command{
		Use: "serve", Short: "Run the server", Args: nothing,
		Long: "Runs the SIP node and its HTTP interfaces until SIGINT or SIGTERM; then calls in progress may end first.\nNo configuration at all works: state, keys and certificates go to ./data.",
		RunE: func(c *cobra.Command, _ []string) error {
			conf, err := loadConfig(configFile(name, getenv), os.Environ())
			if err != nil {
				return err
			}
			return serve(c.Context(), conf, getenv, demo, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&name, "config", "", "configuration file (YAML)")
	c.Flags().BoolVar(&demo, "demo", false, "make demo accounts on the first start")
	return c
}

func serve(ctx context.Context, c Config, getenv lookup, demo bool, stdout, stderr io.Writer) error {
	log, err := telemetry.NewLogger(stderr, telemetry.LogConfig{Level: c.Log.Level, Format: c.Log.Format, Mask: c.Log.MaskDigits})
	if err != nil {
		return err
	}
	if demo {
		c.Limits.AnnouncementsPerAccount = "0" // a newcomer listens more than three times
	}
	held := settleMemory(getenv)
	defer runtime.KeepAlive(held)
	n, err := newNode(ctx, c, log)
	if err != nil {
		return err
	}
	return errors.Join(n.start(ctx, demo, stdout), n.close())
}

// start binds, tells where everything is, and runs.
func (n *node) start(ctx context.Context, demo bool, stdout io.Writer) error {
	if err := n.config.portsFree(); err != nil {
		return err
	}
	l, err := n.listen(ctx)
	if err != nil {
		return err
	}
	var accounts []demoAccount
	if demo {
		if accounts, err = n.demoAccounts(ctx); err != nil {
			l.close()
			return err
		}
	}
	if err := n.welcome(ctx, stdout, l, accounts); err != nil {
		l.close()
		return err
	}
	return n.run(ctx, l)
}

// welcome prints where everything is, and how the first operator gets in.
func (n *node) welcome(ctx context.Context, w io.Writer, l listeners, accounts []demoAccount) error {
	var operators bool
	if err := n.store.Patiently(ctx, func(ctx context.Context) (err error) {
		operators, err = n.store.Operators.Exist(ctx)
		return err
	}); err != nil {
		return err
	}
	n.greet(w, l, accounts, operators)
	return n.store.Patiently(ctx, func(ctx context.Context) error { return n.inviteFirst(ctx, w) })
}

// greet prints where everything is.
func (n *node) greet(w io.Writer, l listeners, accounts []demoAccount, operators bool) {
	line := func(what, where string) { fmt.Fprintf(w, "  %-12s %s\n", what, where) }
	fmt.Fprintf(w, "sipward %s serves %s as node %s\n", version(), n.config.Domain, n.id)
	for _, network := range []string{"udp", "tcp", "tls", "wss"} {
		for at, addr := range n.addresses() {
			if string(at) == network {
				line("SIP/"+network, n.reachable(addr))
			}
		}
	}
	if l.admin != nil {
		scheme := "http://"
		if !loopback(l.admin.Addr()) {
			scheme = "https://"
		}
		line("admin API", scheme+l.admin.Addr().String()+"/api/v1   (description: /api/openapi.json)")
		if n.config.Admin.BootstrapToken == "" && !operators {
			line("token", "in "+tokenFile(n.config)+"   (until there is an operator)")
		}
	}
	if l.public != nil {
		line("phones", "https://"+n.reachable(l.public.Addr()))
	}
	if l.metrics != nil {
		line("metrics", "http://"+l.metrics.Addr().String()+"/metrics")
	}
	if n.files.CA != "" {
		line("CA", n.files.CA+"   (phones must trust it)")
	}
	line("state", n.where())
	for _, a := range accounts {
		line("demo phone", fmt.Sprintf("user %s  password %s  number %s", a.User, a.Password, a.Number))
	}
}

// reachable is an address that can be typed into a phone: the advertised name, or this host's name where we listen on all
// addresses. Both stand in the generated certificate; Linphone accepts names only.
func (n *node) reachable(a net.Addr) string {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil || !ap.Addr().IsUnspecified() {
		return a.String()
	}
	host, _ := os.Hostname()
	return net.JoinHostPort(cmp.Or(n.config.SIP.Advertise, host, "localhost"), strconv.Itoa(int(ap.Port()))) + "   (all addresses of this host)"
}

func (n *node) where() string {
	if n.config.Redis.URL != "" {
		return "Redis"
	}
	return filepath.Join(n.config.DataDir, "store")
}
