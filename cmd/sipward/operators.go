package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"sipward/admin/access"
	"sipward/internal/password"
	"sipward/internal/seal"
	"sipward/internal/web"
	"sipward/provisioning/qr"
)

// letIn builds the operators' access; its links hold the address of the bound listener.
func (n *node) letIn(l listeners) (err error) {
	c := n.config.Admin
	n.access, err = access.New(access.Config{
		Name: n.config.Domain, URL: n.adminURL(l), Idle: c.SessionIdle, Life: c.SessionLife, Sessions: c.Sessions,
	}, access.Deps{
		Operators: n.store.Operators, SignIns: n.store.SignIns, Passwords: password.New(), Ring: seal.NewRing("operators", n.roots...),
		QR: drawQR, Cursors: web.NewCursors(n.roots[0].Derive("cursor")), Log: n.log, Now: time.Now,
	})
	return err
}

// adminURL is the console's address as browsers see it.
func (n *node) adminURL(l listeners) string {
	switch {
	case n.config.Admin.URL != "":
		return strings.TrimSuffix(n.config.Admin.URL, "/")
	case l.admin == nil:
		return ""
	case loopback(l.admin.Addr()):
		return "http://" + l.admin.Addr().String()
	}
	host, _, _ := strings.Cut(n.reachable(l.admin.Addr()), " ")
	return "https://" + host
}

// inviteFirst prints the link by which the first operator is made, as long as there is none.
func (n *node) inviteFirst(ctx context.Context, w io.Writer) error {
	if n.config.HTTP.Admin == "" {
		return nil
	}
	link, err := n.access.FirstLink(ctx)
	if err != nil || link == "" {
		return err
	}
	fmt.Fprintf(w, "  %-12s %s   (once, within 24 hours: makes the first operator)\n", "set up", link)
	return nil
}

// adminAPI is the operators' listener.
func (n *node) adminAPI(l listeners) (http.Handler, error) {
	tables, err := n.adminTables()
	if err != nil {
		return nil, err
	}
	exempt, err := n.config.Limits.prefixes()
	if err != nil {
		return nil, err
	}
	return web.New(web.Config{
		Bootstrap: n.token, Exempt: exempt, TrustedProxies: n.config.HTTP.TrustedProxies, Origins: []string{n.adminURL(l)},
	}, web.Deps{
		Tokens: n.store.Tokens, Operators: n.store.Operators, Sessions: n.access, Audit: n.store.Audit, Log: n.log, Metrics: n.listener("admin"), Now: time.Now,
	}, tables...)
}

func drawQR(text string) (string, error) {
	code, err := qr.Encode(text)
	if err != nil {
		return "", err
	}
	return code.SVG(), nil
}
