package provisioning_test

import (
	"bytes"
	"encoding/json"
	"image/png"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"sipward/internal/account"
	"sipward/internal/apitest"
	"sipward/internal/message"
)

// What an app is told is what docs/config.schema.json says, with and without the members that may be missing.
func TestTheConfigurationFitsItsSchema(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../docs/config.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("config.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("config.json")
	if err != nil {
		t.Fatal(err)
	}
	api := apitest.Open(t)
	_, link := invited(t, api, map[string]any{"security_model": "end-to-end", "secondary_number": "222"})
	given := appRedeems(t, api, link, "k")
	var token struct{ Device struct{ Token string } }
	if err := json.Unmarshal(given.Body.Bytes(), &token); err != nil {
		t.Fatal(err)
	}
	now := visit(t, api, http.MethodGet, "/v1/config", nil, "Authorization", "Bearer "+token.Device.Token)
	for what, body := range map[string]string{"redeemed": given.Body.String(), "fetched": now.Body.String()} {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		if err == nil {
			err = schema.Validate(v)
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if schema.Validate(map[string]any{}) == nil {
		t.Error("the schema takes an empty object")
	}
}

func TestALinkIsShownAsAPicture(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	id, _ := invited(t, api, nil)
	ask := func(accept string) apitest.Answer {
		return api.Do(apitest.Call{Method: http.MethodPost, Path: accounts + "/" + id + "/messages", Header: http.Header{"Accept": {accept}},
			Body: map[string]any{"kind": "activation", "channel": "link", "to": "the iPad in room 7"}}).Want(201)
	}
	picture := ask("image/png")
	if img, err := png.Decode(picture.Body); err != nil || img.Bounds().Dx() < 250 {
		t.Errorf("%v, %v", img, err)
	}
	if svg := ask("image/svg+xml"); !strings.HasPrefix(svg.Body.String(), "<svg") || svg.Header().Get("Content-Type") != "image/svg+xml" {
		t.Errorf("%s", svg.Header())
	}
}

// Nobody presses Refresh: how far a message has come is told to whom watches the account.
func TestAMessagesProgressIsTold(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	id, _ := invited(t, api, nil)
	ctx := t.Context()
	head, err := api.Store.Changes.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	api.Provisioning.Sent(ctx, message.Message{Account: account.ID(id), Link: "x", Status: message.Delivered, Sent: time.Now()})
	for change, err := range api.Store.Changes.After(ctx, head) {
		if err != nil {
			t.Fatal(err)
		}
		if change.Topic == account.TopicTimeline && change.ID == id {
			return
		}
	}
}
