package media

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
)

// Offer makes our own offer, for an INVITE without SDP or for a call of ours; Answered completes the session from the
// answer. With Secure the offer has SDES keys: as RTP/SAVP if clear RTP will not do (Must), else as RTP/AVP with keys
// that the other side may take.
func Offer(local Local, from netip.Addr) (*Session, []byte, error) {
	if err := local.check(); err != nil {
		return nil, nil, err
	}
	s := newSession(local, from)
	s.mu.Lock()
	defer s.mu.Unlock()
	offer, err := s.offerLocked(SendRecv)
	return s, offer, err
}

// Reoffer offers the present session again in another direction: SendOnly or Inactive to hold, SendRecv to resume.
// Answered takes the answer.
func (s *Session) Reoffer(dir Direction) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.offerLocked(dir)
}

func (s *Session) offerLocked(dir Direction) ([]byte, error) {
	own := s.terms.own()
	if s.terms.shape == nil {
		own = s.firstOffer()
	}
	own.dir = dir
	s.offered = &own
	shape := s.terms.shape
	if shape == nil {
		shape = []mediaLine{{kind: "audio", proto: own.proto}}
	}
	return s.describeLocked(shape, s.terms.index, own), nil
}

// firstOffer lists all we speak, with a key for each suite.
func (s *Session) firstOffer() ownLine {
	own := ownLine{proto: "RTP/AVP", mux: true}
	for _, c := range s.local.codecs() {
		own.formats = append(own.formats, format{c, c.payloadType()})
	}
	if !s.local.Secure {
		return own
	}
	if s.local.Must {
		own.proto = "RTP/SAVP"
	}
	for i, suite := range s.local.suites() {
		own.crypto = append(own.crypto, newCryptoLine(strconv.Itoa(i+1), suite))
	}
	return own
}

// Answered takes the answer to our offer. After an error everything is as it was.
func (s *Session) Answered(answer []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.offered == nil {
		return badSDP("an answer without an offer")
	}
	d, err := parseSDP(answer)
	if err != nil {
		return err
	}
	if s.terms.index >= len(d.media) {
		return badSDP("the answer has fewer streams than the offer")
	}
	t, err := s.answeredLocked(&d.media[s.terms.index])
	if err != nil {
		return err
	}
	s.offered = nil
	s.adoptLocked(t)
	return nil
}

func (s *Session) answeredLocked(m *mediaLine) (terms, error) {
	t := terms{shape: s.terms.shape, index: s.terms.index, proto: s.offered.proto}
	if t.shape == nil {
		t.shape = []mediaLine{{kind: "audio", proto: t.proto}}
	}
	if m.kind != "audio" || m.port == 0 {
		return t, badSDP("the audio stream was refused")
	}
	if m.proto != t.proto {
		return t, fmt.Errorf("%w: %.30q answers an offer of %s", ErrNoSuite, m.proto, t.proto)
	}
	var ok bool
	if t.codec, t.pt, ok = m.codec(s.offered.codecs()); !ok {
		return t, ErrNoCodec
	}
	t.theirSide(m)
	t.mux = m.mux && s.offered.mux
	t.dir = narrower(t.dir, s.offered.dir)
	return t, s.answeredKeysLocked(&t, m)
}

// answeredKeysLocked: the answer names one of our lines by its tag and brings its own key.
func (s *Session) answeredKeysLocked(t *terms, m *mediaLine) error {
	secure, _ := rtpProfile(t.proto)
	theirs, ok := firstUsable(m.crypto, s.local.suites())
	if !ok && !secure && !s.local.Must && len(m.crypto) == 0 {
		return nil // our keys were not taken up
	}
	i := slices.IndexFunc(s.offered.crypto, func(c cryptoLine) bool {
		return ok && c.tag == theirs.tag && c.suite.canonical() == theirs.suite.canonical()
	})
	if i < 0 {
		return ErrNoSuite
	}
	return s.keysLocked(t, s.offered.crypto[i], theirs)
}

// narrower is what both sides allow: ours as offered and theirs as answered, both seen from us.
func narrower(a, b Direction) Direction {
	sends, receives := a.sends() && b.sends(), a.receives() && b.receives()
	switch {
	case sends && receives:
		return SendRecv
	case sends:
		return SendOnly
	case receives:
		return RecvOnly
	}
	return Inactive
}
