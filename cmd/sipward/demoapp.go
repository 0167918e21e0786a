package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"sipward/internal/apiclient"
)

// demoApp is what the mobile app does over HTTPS.
type demoApp struct {
	http        *http.Client
	base, token string
}

// demoLicence is an answer to the app, a document or a refusal.
type demoLicence struct {
	code                          int
	State, Warning, Product, Code string
	Expires                       time.Time `json:"expires_at"`
}

// app is a mobile app that redeems its activation link at the public listener.
func (t *tour) app(ctx context.Context, acc apiclient.Account) (*demoApp, error) {
	var link struct{ URL string }
	ask := apiclient.Request{Method: http.MethodPost, Path: "/api/v1/accounts/" + acc.ID + "/messages", Body: map[string]string{"kind": "activation", "channel": "link"}}
	if _, err := t.api.Ask(ctx, ask, &link); err != nil {
		return nil, err
	}
	trust, err := t.trust(t.node.config.Domain)
	if err != nil {
		return nil, err
	}
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) { // no name server knows the demo's domain
		return new(net.Dialer).DialContext(ctx, network, t.public.String())
	}
	app := &demoApp{http: &http.Client{Transport: &http.Transport{TLSClientConfig: trust, DialContext: dial}}, base: "https://" + t.node.config.Domain}
	var given struct{ Device struct{ Token string } }
	code, err := app.post(ctx, link.URL, `{"device":{"name":"Pixel","platform":"android","app_version":"1"}}`, &given)
	if err != nil || code != http.StatusOK || given.Device.Token == "" {
		return nil, fmt.Errorf("redeeming the link: %d, %w", code, err)
	}
	app.token = given.Device.Token
	t.say("Carla's account is made by the wizard (%s); her app redeems the link: %s", acc.State, t.stateOf(ctx, acc))
	return app, nil
}

func (a *demoApp) licence(ctx context.Context) (got demoLicence, err error) {
	got.code, err = a.post(ctx, a.base+"/v1/licence", "{}", &got)
	return got, err
}

func (a *demoApp) post(ctx context.Context, url, body string, out any) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewBufferString(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	w, err := a.http.Do(r)
	if err != nil {
		return 0, err
	}
	defer w.Body.Close()
	return w.StatusCode, json.NewDecoder(io.LimitReader(w.Body, 1<<20)).Decode(out)
}
