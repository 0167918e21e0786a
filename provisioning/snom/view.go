package snom

import (
	"time"

	"sipward/internal/account"
	"sipward/internal/device"
)

// view is a phone as the API shows it. URL and AdminPassword are shown once, by the request that made them.
type view struct {
	MAC           device.MAC    `json:"mac"`
	Account       *account.ID   `json:"account_id"`
	Note          string        `json:"note"`
	Firmware      *string       `json:"firmware_url"`
	Keys          []device.Key  `json:"keys"`
	Model         *string       `json:"model"`
	Running       *string       `json:"running_firmware"`
	Last          *device.Fetch `json:"last_fetch"`
	Created       time.Time     `json:"created_at"`
	Updated       time.Time     `json:"updated_at"`
	Version       uint64        `json:"version"`
	URL           string        `json:"url,omitempty"`
	AdminPassword string        `json:"admin_password,omitempty"`
}

func newView(p device.Phone) view {
	v := view{
		MAC: p.MAC, Note: p.Note, Keys: p.Keys, Last: p.Last, Created: p.Created.UTC(), Updated: p.Updated.UTC(), Version: p.Version,
		Firmware: some(p.Firmware), Model: some(p.Model), Running: some(p.Running),
	}
	if p.Account != "" {
		v.Account = &p.Account
	}
	if v.Keys == nil {
		v.Keys = []device.Key{}
	}
	return v
}

func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
