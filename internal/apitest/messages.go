package apitest

import (
	"time"

	"sipward/internal/account"
	"sipward/internal/parcel"
	"sipward/internal/seal"
	"sipward/internal/web"
	"sipward/provisioning"
)

// messenger is the API of secure messages; nobody delivers them here.
func (a *API) messenger(cursors *web.Cursors) *provisioning.Messenger {
	a.t.Helper()
	post, err := parcel.NewPost(parcel.Config{}, a.Store.Parcels, nil, seal.NewRing("messages", seal.NewRoot()), time.Now)
	must(a.t, err)
	a.Post = post
	m, err := provisioning.NewMessenger(provisioning.MessageDeps{
		Post: post, Parcels: a.Store.Parcels, Numbers: a.Store.Accounts, Locations: a.Store.Locations,
		Devices: web.NewDevices(a.Store.Devices, nil, time.Now), Accepted: func(account.ID) {}, Cursors: cursors, Now: time.Now,
	})
	must(a.t, err)
	return m
}
