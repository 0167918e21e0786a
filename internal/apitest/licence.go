package apitest

import (
	"bytes"
	"crypto/ed25519"
	"log/slog"
	"net/http/httptest"
	"time"

	"sipward/internal/licence/fakevendor"
	"sipward/internal/web"
	"sipward/licenceproxy"
	"sipward/provisioning"
)

// licences is a proxy in front of a vendor that does as it is told.
func (a *API) licences() *licenceproxy.Proxy {
	a.t.Helper()
	var err error
	a.Vendor, err = fakevendor.New(time.Now)
	must(a.t, err)
	upstream := httptest.NewServer(a.Vendor)
	p, err := licenceproxy.New(licenceproxy.Config{Upstream: upstream.URL, Keys: a.Vendor.Keys()}, licenceproxy.Deps{
		Licences: a.Store.Licences, Devices: web.NewDevices(a.Store.Devices, nil, time.Now), Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	must(a.t, err)
	a.t.Cleanup(func() {
		p.Close()
		a.Vendor.Close()
		upstream.Close()
	})
	return p
}

// keyDirectory is the directory of keys for messages.
func (a *API) keyDirectory() *provisioning.KeyDirectory {
	a.t.Helper()
	k, err := provisioning.NewKeyDirectory(provisioning.KeyDeps{
		Accounts: a.Store.Accounts, Keys: a.Store.MessageKeys, Devices: web.NewDevices(a.Store.Devices, nil, time.Now),
		NonceKey: bytes.Repeat([]byte{1}, 32), LogKey: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, ed25519.SeedSize)), Now: time.Now,
	})
	must(a.t, err)
	return k
}
