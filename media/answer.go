package media

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Negotiate answers an offer: the session and the answer's SDP (RFC 3264 section 6). from is the signalling source,
// which alone is trusted as a destination until RTP proves another. Hold (a=sendonly, a=inactive, c=0.0.0.0) is honoured.
func Negotiate(offer []byte, local Local, from netip.Addr) (*Session, []byte, error) {
	if err := local.check(); err != nil {
		return nil, nil, err
	}
	if len(offer) == 0 {
		return nil, nil, badSDP("it is empty")
	}
	s := newSession(local, from)
	answer, err := s.Renegotiate(offer)
	if err != nil {
		return nil, nil, err
	}
	return s, answer, nil
}

func (l Local) check() error {
	if !l.Addr.IsValid() || l.Addr.Addr().IsUnspecified() || l.Addr.Port() == 0 {
		return fmt.Errorf("media: local address %s cannot be advertised: set media.address", l.Addr)
	}
	if l.Must && !l.Secure {
		return fmt.Errorf("%w: SRTP is required, and keys go over encrypted signalling only (RFC 4568 section 8.3)", ErrNoSuite)
	}
	return nil
}

// Renegotiate answers a re-INVITE or UPDATE with the same session; hold stops the sending, resume continues it. An empty
// offer gives the current description again, as our offer: Answered takes its answer. After an error everything is as
// it was.
func (s *Session) Renegotiate(offer []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(offer) == 0 {
		return s.offerLocked(s.terms.dir)
	}
	d, err := parseSDP(offer)
	if err != nil {
		return nil, err
	}
	c, err := s.local.choose(d)
	if err != nil {
		return nil, err
	}
	t, err := s.acceptLocked(d, c)
	if err != nil {
		return nil, err
	}
	s.offered = nil
	s.adoptLocked(t)
	return s.describeLocked(t.shape, t.index, t.own()), nil
}

// choice is what we take of an offer.
type choice struct {
	index  int
	codec  Codec
	pt     uint8
	crypto *cryptoLine // theirs; nil: clear RTP
}

// choose takes the first audio line that works, an encrypted one before a clear one.
func (l Local) choose(d *description) (choice, error) {
	var plain *choice
	why := badSDP("no active audio stream")
	for i := range d.media {
		c, err := l.accept(&d.media[i])
		if err != nil {
			why = graver(why, err)
			continue
		}
		c.index = i
		if c.crypto != nil || !l.Secure {
			return c, nil
		}
		if plain == nil {
			plain = &c
		}
	}
	if plain != nil {
		return *plain, nil
	}
	return choice{}, why
}

// graver keeps the refusal that tells most: a missing suite, then a missing codec.
func graver(a, b error) error {
	if errors.Is(b, ErrNoSuite) || errors.Is(b, ErrNoCodec) && !errors.Is(a, ErrNoSuite) {
		return b
	}
	return a
}

// accept judges one line. A secure profile is never answered with clear RTP, and keys never go over clear signalling.
func (l Local) accept(m *mediaLine) (choice, error) {
	var c choice
	secure, ok := rtpProfile(m.proto)
	if m.kind != "audio" || m.port == 0 {
		return c, badSDP("no active audio stream")
	}
	if !ok {
		return c, fmt.Errorf("%w: transport %.30q", ErrNoSuite, m.proto) // DTLS-SRTP, mostly
	}
	if c.codec, c.pt, ok = m.codec(l.codecs()); !ok {
		return c, ErrNoCodec
	}
	if l.Secure {
		if line, ok := firstUsable(m.crypto, l.suites()); ok {
			c.crypto = &line
			return c, nil
		}
	}
	if secure || l.Must {
		return c, ErrNoSuite
	}
	return c, nil
}

// rtpProfile tells whether an m= line's transport is one of ours, and whether it demands SRTP.
func rtpProfile(proto string) (secure, ok bool) {
	switch proto {
	case "RTP/AVP", "RTP/AVPF":
		return false, true
	case "RTP/SAVP", "RTP/SAVPF":
		return true, true
	}
	return false, false
}

// acceptLocked makes terms of a choice, with our key.
func (s *Session) acceptLocked(d *description, c choice) (terms, error) {
	m := &d.media[c.index]
	t := terms{shape: shapeOf(d), index: c.index, proto: m.proto, codec: c.codec, pt: c.pt}
	t.theirSide(m)
	if c.crypto == nil {
		return t, nil
	}
	mine := s.ownKeyLocked(*c.crypto)
	return t, s.keysLocked(&t, mine, *c.crypto)
}

// theirSide takes what their line says about where and whether to send.
func (t *terms) theirSide(m *mediaLine) {
	t.remote, t.remoteRTCP, t.mux = m.remote(), m.remoteRTCP(), m.mux
	t.held, t.dir = m.held || m.port == 0, m.dir.mirror()
}

// ownKeyLocked answers a crypto line under its tag: with our present key if the suite stays, else with a new one.
func (s *Session) ownKeyLocked(theirs cryptoLine) cryptoLine {
	if tx := s.terms.tx; tx != nil && tx.line.suite.canonical() == theirs.suite.canonical() {
		mine := tx.line
		mine.tag, mine.suite = theirs.tag, theirs.suite
		return mine
	}
	return newCryptoLine(theirs.tag, theirs.suite)
}

// keysLocked sets the contexts up; a key that stays keeps its context.
func (s *Session) keysLocked(t *terms, mine, theirs cryptoLine) (err error) {
	if old := s.terms.tx; old != nil && old.line.sameKey(mine) {
		t.tx = &outbound{line: mine, ctx: old.ctx}
	} else if t.tx, err = newOutbound(mine); err != nil {
		return err
	}
	if old := s.terms.rx; old != nil && old.line.sameKey(theirs) {
		t.rx = old
		return nil
	}
	t.rx, err = newInbound(theirs)
	return err
}

// shapeOf keeps of an offer what the answer has to repeat for lines it refuses.
func shapeOf(d *description) []mediaLine {
	shape := make([]mediaLine, len(d.media))
	for i, m := range d.media {
		shape[i] = mediaLine{kind: printable(m.kind), proto: printable(m.proto), formats: []string{printable(m.formats[0])}}
	}
	return shape
}

// printable keeps foreign tokens from carrying anything but themselves into our answer.
func printable(token string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, token[:min(len(token), 64)])
}
