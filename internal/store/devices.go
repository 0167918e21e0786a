package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"sipward/internal/account"
)

// usedEvery is how exactly a device's last use is kept: each note of it is a new version of the account.
const usedEvery = 24 * time.Hour

// Devices is the repository of device tokens. A device lies in its account's record: a token is known here at once, on
// every node with the change stream, and no longer than the account itself.
type Devices struct{ accounts *Accounts }

// Issue lets a device in as the account's only one and returns its token, which is told once: the tokens of the devices
// before it end. It is also the rotation at an activation.
func (r *Devices) Issue(ctx context.Context, id account.ID, d account.Device) (account.Secret, error) {
	return r.IssueAmong(ctx, id, d, 1)
}

// IssueAmong is Issue for an account that may have up to limit devices; the oldest goes when there are too many.
func (r *Devices) IssueAmong(ctx context.Context, id account.ID, d account.Device, limit int) (token account.Secret, err error) {
	_, err = r.accounts.Update(ctx, id, func(a *account.Account) error {
		token = a.AddDevice(d, limit, r.accounts.c.now())
		return nil
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// ByHash finds the account and the device of a token by what account.ParseDeviceToken made of it;
// account.ErrNotFound when the device is not, or no longer, let in. It may answer from the node's cache, like
// Accounts.CachedByID. The account may be disabled: that is the caller's to ask.
func (r *Devices) ByHash(ctx context.Context, id account.ID, hash [32]byte) (account.Account, account.Device, error) {
	a, err := r.accounts.CachedByID(ctx, id)
	if err != nil {
		return account.Account{}, account.Device{}, err
	}
	if d, ok := a.DeviceBy(hash); ok {
		return a, d, nil
	}
	// A token that was issued a moment ago by another node may not be in the cache yet.
	if a, err = r.accounts.ByID(ctx, id); err != nil {
		return account.Account{}, account.Device{}, err
	}
	if d, ok := a.DeviceBy(hash); ok {
		return a, d, nil
	}
	return account.Account{}, account.Device{}, account.ErrNotFound
}

// Used notes that a device showed its token, about once a day.
func (r *Devices) Used(ctx context.Context, id account.ID, d account.Device) error {
	now := r.accounts.c.now().UTC()
	if now.Sub(d.Used) < usedEvery {
		return nil
	}
	_, err := r.accounts.Update(ctx, id, func(a *account.Account) error {
		a.Devices = slices.Clone(a.Devices)
		for i := range a.Devices {
			if a.Devices[i].ID == d.ID && now.Sub(a.Devices[i].Used) >= usedEvery {
				a.Devices[i].Used = now
			}
		}
		return nil
	})
	if errors.Is(err, account.ErrNotFound) {
		return nil // deleted meanwhile
	}
	return err
}

// Revoke ends the token of one device; of all of them for the empty id.
func (r *Devices) Revoke(ctx context.Context, id account.ID, device string) error {
	_, err := r.accounts.Update(ctx, id, func(a *account.Account) error {
		a.DropDevices(device)
		return nil
	})
	return err
}
