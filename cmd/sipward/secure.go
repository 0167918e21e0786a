package main

import (
	"time"

	"sipward/internal/parcel"
	"sipward/internal/seal"
	"sipward/internal/web"
	"sipward/provisioning"
)

func (c MessagesConfig) validate(v *faults) {
	v.check(c.MaxBytes >= 1 && c.MaxBytes <= parcel.MaxSize, "messages.max_bytes: want 1 to %d, not %d", parcel.MaxSize, c.MaxBytes)
	v.check(c.Keep >= time.Minute && c.Keep <= 30*24*time.Hour, "messages.keep: want 1m to 720h, not %s", c.Keep)
	v.check(c.Waiting >= 1 && c.Waiting <= 100_000, "messages.waiting: want 1 to 100000, not %d", c.Waiting)
	v.check(c.Share >= 1, "messages.share: want at least 1, not %d", c.Share)
	v.check(c.PerMinute >= 1, "messages.per_minute: want at least 1, not %d", c.PerMinute)
}

// mailroom builds what takes secure messages in; SIP and HTTPS share it.
func (n *node) mailroom() (err error) {
	c := n.config.Messages
	var quota parcel.Quota
	if n.config.Redis.URL != "" { // other nodes may take messages of the same account
		quota = n.store.Parcels
	}
	n.parcels, err = parcel.NewPost(parcel.Config{Size: c.MaxBytes, Keep: c.Keep, Waiting: c.Waiting, Share: c.Share, PerMinute: c.PerMinute},
		n.store.Parcels, quota, seal.NewRing("messages", n.roots...), time.Now)
	return err
}

// messaging builds the API of secure messages.
func (n *node) messaging() (err error) {
	n.messenger, err = provisioning.NewMessenger(provisioning.MessageDeps{
		Post: n.parcels, Parcels: n.store.Parcels, Numbers: n.store.Accounts, Locations: n.store.Locations, Devices: n.devices,
		Accepted: n.sip.Deliver, Cursors: web.NewCursors(n.roots[0].Derive("cursor")), Now: time.Now,
	})
	return err
}
