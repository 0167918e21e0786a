package snom

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"sipward/internal/account"
	"sipward/internal/device"
	"sipward/internal/web"
)

// body is what a client may say of a phone; PATCH is a merge patch (RFC 7396) of it.
type body struct {
	MAC      web.Opt[string]       `json:"mac"`
	Account  web.Opt[string]       `json:"account_id"`
	Note     web.Opt[string]       `json:"note"`
	Firmware web.Opt[string]       `json:"firmware_url"`
	Keys     web.Opt[[]device.Key] `json:"keys"`
	Token    web.Opt[string]       `json:"token"` // null: a new one, the old address is dead
}

const maxKeys = 128 // a D785 has 24, and three modules of 18

// apply puts what was said into p and notes what is wrong with it.
func (s *Service) apply(ctx context.Context, b body, p *device.Phone, f *web.Faults) error {
	p.Note = strings.TrimSpace(value(b.Note, p.Note))
	if err := account.CheckText(p.Note, 200); err != nil {
		f.Add("/note", "text", err.Error())
	}
	if b.Token.Set && !b.Token.Null {
		f.Add("/token", "read_only", "is made by the server: null makes a new one")
	}
	p.Firmware = value(b.Firmware, p.Firmware)
	if u, err := url.Parse(p.Firmware); p.Firmware != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(p.Firmware) > 500 || account.CheckText(p.Firmware, 500) != nil) {
		f.Add("/firmware_url", "url", "is no address of a firmware file: want https://host/file.bin")
	}
	if b.Keys.Set {
		p.Keys = b.Keys.Value
		checkKeys(p.Keys, f)
	}
	if b.Account.Set {
		p.Account = account.ID(b.Account.Value)
		if err := s.assignable(ctx, p.Account, f); err != nil {
			return err
		}
	}
	return f.Err()
}

// put copies what was said, for a record that may have changed meanwhile.
func (b body) put(p *device.Phone, from device.Phone) {
	if b.Note.Set {
		p.Note = from.Note
	}
	if b.Firmware.Set {
		p.Firmware = from.Firmware
	}
	if b.Keys.Set {
		p.Keys = from.Keys
	}
	if b.Account.Set {
		p.Account = from.Account
	}
}

func value(o web.Opt[string], present string) string {
	if o.Set {
		return o.Value // null is nothing
	}
	return present
}

func (s *Service) assignable(ctx context.Context, id account.ID, f *web.Faults) error {
	if id == "" {
		return nil
	}
	err := account.ErrNotFound
	var acc account.Account
	if id.Valid() {
		acc, err = s.Accounts.ByID(ctx, id)
	}
	switch {
	case errors.Is(err, account.ErrNotFound):
		f.Add("/account_id", "unknown", "there is no such account: list them with GET /api/v1/accounts")
		return nil
	case err == nil && acc.Kind != account.SNOM:
		f.Add("/account_id", "type", "is an account of another type: a desk phone needs one of type SNOM")
	}
	return err
}

func checkKeys(keys []device.Key, f *web.Faults) {
	if len(keys) > maxKeys {
		f.Add("/keys", "too_many", fmt.Sprintf("has %d keys: at most %d are accepted", len(keys), maxKeys))
		return
	}
	for i, k := range keys {
		at := "/keys/" + strconv.Itoa(i)
		switch k.Type {
		case "line", "none":
			if k.Value != "" {
				f.Add(at+"/value", "not_here", "is for speed and blf keys only: leave it out")
			}
		case "speed", "blf":
			if _, err := account.ParseNumber(k.Value); err != nil {
				f.Add(at+"/value", "number", "is not accepted: "+err.Error())
			}
		default:
			f.Add(at+"/type", "choice", "must be one of line, speed, blf, none")
		}
		if err := account.CheckText(k.Label, 40); err != nil {
			f.Add(at+"/label", "text", err.Error())
		}
	}
}
