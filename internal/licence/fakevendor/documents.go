package fakevendor

import (
	"time"

	"sipward/internal/account"
	"sipward/internal/licence"
)

// Document signs a document for an account; the serial is the account's next one.
func (v *Vendor) Document(id account.ID, product string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.issueLocked(id, product)
}

// stepLocked makes the document of a step. OK gives the same one until half of its life is over.
func (v *Vendor) stepLocked(q question, step Step) ([]byte, error) {
	d := v.plainLocked(q.Account, q.Product)
	const day = 24 * time.Hour
	switch step {
	case Forged:
		return licence.Sign(v.wrong, d)
	case Foreign:
		d.Account = account.NewID()
	case Early:
		d.NotBefore, d.Expires = d.NotBefore.Add(day), d.Expires.Add(day)
	case Past:
		d.NotBefore, d.Expires = d.NotBefore.Add(-2*day), d.Issued.Add(-day)
	case Older:
		d.Serial = max(d.Serial, 2) - 2
	default:
		return v.currentLocked(q)
	}
	return licence.Sign(v.key, d)
}

func (v *Vendor) currentLocked(q question) ([]byte, error) {
	if raw := v.last[q.Account]; raw != nil {
		d, err := v.Keys().Verify(raw)
		if err == nil && d.For(q.Account, q.Product) == nil && v.Now().Before(d.Issued.Add(d.Expires.Sub(d.Issued)/2)) && !v.Now().Before(d.Issued) {
			return raw, nil
		}
	}
	return v.issueLocked(q.Account, q.Product)
}

func (v *Vendor) issueLocked(id account.ID, product string) ([]byte, error) {
	raw, err := licence.Sign(v.key, v.plainLocked(id, product))
	if err != nil {
		return nil, err
	}
	v.serial[id]++
	v.last[id] = raw
	return raw, nil
}

func (v *Vendor) plainLocked(id account.ID, product string) licence.Document {
	life := v.Life
	if life == 0 {
		life = 30 * 24 * time.Hour
	}
	now := v.Now().UTC().Truncate(time.Second)
	return licence.Document{Product: product, Edition: "professional", Features: []string{"calls", "messages"}, Account: id,
		Serial: v.serial[id] + 1, Issued: now, NotBefore: now, Expires: now.Add(life)}
}
