package licence

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sipward/internal/account"
)

const (
	// MaxSize bounds a document, in bytes.
	MaxSize = 64 << 10
	// Skew is how far the vendor's clock and ours may differ.
	Skew = 5 * time.Minute
	// WarnTime is how long before its end a document is worth a warning.
	WarnTime = 14 * 24 * time.Hour
	// maxFeatures and maxWord bound what is shown to operators.
	maxFeatures = 64
	maxWord     = 64
)

// What makes a document unusable. They are sentinels: compare with errors.Is.
var (
	ErrForm      = errors.New("is no licence document: want a JWS in compact form, signed with EdDSA")
	ErrSignature = errors.New("is not signed by a known key: compare licence.public_key with the vendor's")
	ErrForeign   = errors.New("belongs to another account or product")
	ErrEarly     = errors.New("is not valid yet: compare this server's clock with the vendor's")
	ErrEnded     = errors.New("has expired")
	ErrSerial    = errors.New("is older than the one that was seen before")
)

// Document is what a verified licence says.
type Document struct {
	Product   string
	Edition   string
	Features  []string
	Account   account.ID // whom it is for
	Serial    uint64     // rises with every document of the same account and product
	Issued    time.Time
	NotBefore time.Time
	Expires   time.Time
}

// claims is the payload; times are NumericDate (RFC 7519 section 2) in whole seconds.
type claims struct {
	Product   string     `json:"product"`
	Edition   string     `json:"edition,omitempty"`
	Features  []string   `json:"features,omitempty"`
	Account   account.ID `json:"account"`
	Serial    uint64     `json:"serial"`
	Issued    int64      `json:"iat"`
	NotBefore int64      `json:"nbf"`
	Expires   int64      `json:"exp"`
}

func (d Document) claims() claims {
	return claims{Product: d.Product, Edition: d.Edition, Features: d.Features, Account: d.Account, Serial: d.Serial,
		Issued: d.Issued.Unix(), NotBefore: d.NotBefore.Unix(), Expires: d.Expires.Unix()}
}

// latest is the last second whose year JSON can write (RFC 3339): 9999-12-31T23:59:59Z.
const latest = 253402300799

func parseClaims(payload []byte) (Document, error) {
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return Document{}, fmt.Errorf("%w (%v)", ErrForm, err)
	}
	for _, t := range []int64{c.Issued, c.NotBefore, c.Expires} {
		if t <= 0 || t > latest {
			return Document{}, fmt.Errorf("%w (iat, nbf and exp are seconds since 1970)", ErrForm)
		}
	}
	words := append([]string{c.Product, c.Edition}, c.Features...)
	for _, w := range words {
		if account.CheckText(w, maxWord) != nil {
			return Document{}, fmt.Errorf("%w (a name in it is too long or not plain text)", ErrForm)
		}
	}
	if c.Product == "" || c.Account == "" || len(c.Features) > maxFeatures || c.Expires <= c.NotBefore {
		return Document{}, fmt.Errorf("%w (product, account, features or times are missing or make no sense)", ErrForm)
	}
	at := func(s int64) time.Time { return time.Unix(s, 0).UTC() }
	return Document{Product: c.Product, Edition: c.Edition, Features: c.Features, Account: c.Account, Serial: c.Serial,
		Issued: at(c.Issued), NotBefore: at(c.NotBefore), Expires: at(c.Expires)}, nil
}

// For is nil when the document is meant for this account and product.
func (d Document) For(id account.ID, product string) error {
	if d.Account != id || d.Product != product {
		return ErrForeign
	}
	return nil
}

// At is nil when the document is valid at a time. Its beginning is judged with Skew, its end without: a tolerance there
// would serve it past its end.
func (d Document) At(now time.Time) error {
	switch {
	case !now.Before(d.Expires):
		return ErrEnded
	case now.Before(d.NotBefore.Add(-Skew)):
		return ErrEarly
	}
	return nil
}
