package hooks

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"

	"sipward/internal/egress"
	"sipward/internal/webhook"
)

// answered is an answer that is no receipt.
type answered int

func (a answered) Error() string { return fmt.Sprintf("answered %d", int(a)) }

// bare takes the method and the address off an error: the log of deliveries knows them, and has room for one line.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// cause sorts what ended an attempt. A name that does not resolve in time is still a matter of the name.
func cause(err error) webhook.Cause {
	var (
		code    answered
		name    *net.DNSError
		trust   *tls.CertificateVerificationError
		slow    net.Error
		dialled *net.OpError
	)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &code):
		return webhook.ByAnswer
	case errors.Is(err, egress.ErrAddress):
		return webhook.ByAddress
	case errors.As(err, &name):
		return webhook.ByName
	case errors.As(err, &trust):
		return webhook.ByCertificate
	case errors.As(err, &slow) && slow.Timeout():
		return webhook.ByTimeout
	case errors.As(err, &dialled):
		return webhook.ByConnection
	}
	return webhook.ByOther
}
