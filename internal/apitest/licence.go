package apitest

import (
	"log/slog"
	"net/http/httptest"
	"time"

	"sipward/internal/licence/fakevendor"
	"sipward/internal/web"
	"sipward/licenceproxy"
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
