package dialog

import (
	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/sip/transport"
)

// Address is a name and a URI, as From and To carry them.
type Address struct {
	Name string
	URI  gosip.Uri
}

// Leg is one phone's side of a call. The zero Leg is nobody.
type Leg struct {
	Account account.ID      // whose phone it is; "" when it is ours (an announcement)
	Flow    *transport.Flow // how it is reached
	Tag     string          // its own tag; "" until it has answered
	Self    Address         // what it believes its own address to be
	Peer    Address         // what it believes its peer's address to be
	Target  gosip.Uri       // its Contact: the Request-URI towards it
	Bound   gosip.Uri       // the contact it is registered with, for a Target that is a GRUU (RFC 5627); may be unknown
	Route   []string        // route set beyond us, in the order to be sent
	CSeq    uint32          // the highest CSeq it has sent
	Seen    uint32          // the highest CSeq that was sent to it

	Instance string // +sip.instance of the phone, by which it is found again after its connection was lost; may be ""
	answered bool   // it has sent a 2xx
}

// Remote is the Request-URI by which a request with this target reaches the phone of l: we are the ones who know what its
// GRUU stands for (RFC 5627 section 5.4).
func (l *Leg) Remote(target gosip.Uri) gosip.Uri {
	if l.Bound.Host != "" && target.UriParams.Has("gr") {
		return l.Bound
	}
	return target
}

// From makes the From header of a request towards l whose sender has tag.
func (l *Leg) From(tag string) *gosip.FromHeader {
	return &gosip.FromHeader{DisplayName: l.Peer.Name, Address: l.Peer.URI, Params: tagged(tag)}
}

// To makes the To header of a request towards l.
func (l *Leg) To() *gosip.ToHeader {
	return &gosip.ToHeader{DisplayName: l.Self.Name, Address: l.Self.URI, Params: tagged(l.Tag)}
}

func tagged(tag string) gosip.HeaderParams {
	if tag == "" {
		return nil
	}
	return gosip.HeaderParams{{K: "tag", V: tag}}
}
