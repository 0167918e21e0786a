package transport

import (
	"crypto/tls"
	"errors"
	"net/netip"

	"sipward/sip/incident"
)

// tell tells who watches of an incident.
func (l *Layer) tell(kind incident.Kind, src netip.Addr, n Network, detail string) {
	if l.told != nil {
		l.told(incident.Incident{Kind: kind, Source: src, Network: string(n), Detail: detail})
	}
}

// noCertificate is what crypto/tls says of a peer that shows none where one is required; it has no value for it.
const noCertificate = "tls: client didn't provide a certificate"

// shown tells of a handshake that failed by the peer's certificate. One that failed otherwise is no incident: scanners,
// phones that do not trust us, and bad networks make many.
func (l *Layer) shown(src netip.Addr, n Network, err error) {
	var refused *tls.CertificateVerificationError
	switch {
	case l.told == nil:
	case errors.As(err, &refused):
		l.tell(incident.ClientCertificate, src, n, subject(refused)+": "+refused.Err.Error())
	case err.Error() == noCertificate:
		l.tell(incident.ClientCertificate, src, n, "no certificate")
	}
}

// subject is the name in a refused certificate: anybody can have written it.
func subject(e *tls.CertificateVerificationError) string {
	if len(e.UnverifiedCertificates) == 0 {
		return "nobody"
	}
	return e.UnverifiedCertificates[0].Subject.String()
}
