package phone

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"sipward/media"
)

// Audio is the sound of one call: offer and answer, what is played, what is heard. Safe for concurrent use. A call that
// was forked hears the first branch that sent an SDP answer.
type Audio struct {
	p *Phone

	mu      sync.Mutex // guards what follows
	lease   *media.Lease
	session *media.Session
	offered bool   // our offer waits for its answer
	local   []byte // our latest SDP
	mute    muted  // instead of lease and session when Config.Mute
	dir     media.Direction
	err     error // the first fault
	stream  *stream
	over    bool
}

func newAudio(p *Phone) *Audio { return &Audio{p: p} }

var (
	errNoSession = errors.New("no audio session has been agreed on")
	errOver      = errors.New("the call is over")
)

// describe is our side for the SDP. Keys go over encrypted signalling only (RFC 4568 section 8.3), unless the user of a
// test phone demands SRTP over anything.
func (a *Audio) describeLocked(f *flow) (media.Local, error) {
	if a.over {
		return media.Local{}, errOver
	}
	if a.lease == nil {
		lease, err := a.p.lease(f.local.Addr())
		if err != nil {
			return media.Local{}, err
		}
		a.lease = lease
	}
	policy := a.p.cfg.SRTP
	encrypted := f.net == "TLS" || f.net == "WSS"
	return media.Local{
		Addr:     netip.AddrPortFrom(f.local.Addr(), a.lease.Addr().Port()),
		Secure:   policy == SRTPRequired || policy == SRTPOptional && encrypted,
		Must:     policy == SRTPRequired,
		Trusting: true, // media may flow past the proxy
		Codecs:   a.p.cfg.Codecs,
		Suites:   a.p.cfg.Suites,
	}, nil
}

// offer makes our offer.
func (a *Audio) offer(f *flow) (sdp []byte, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.p.cfg.Mute {
		sdp = a.mute.describe(f, "")
	} else if sdp, err = a.offerLocked(f); err != nil {
		return nil, err
	}
	a.offered, a.local = true, sdp
	return sdp, nil
}

func (a *Audio) offerLocked(f *flow) ([]byte, error) {
	local, err := a.describeLocked(f)
	if err != nil {
		return nil, err
	}
	session, sdp, err := media.Offer(local, f.remote.Addr())
	a.session = session
	return sdp, err
}

// take takes an SDP that came: the answer to our offer, or an offer, to which it returns our answer.
func (a *Audio) take(f *flow, sdp []byte) ([]byte, error) {
	a.mu.Lock()
	if !a.offered && a.local == nil {
		a.mu.Unlock()
		return a.answer(f, sdp)
	}
	defer a.mu.Unlock()
	if !a.offered {
		return nil, nil // the same description again, such as in a 200 after a 183
	}
	a.offered = false
	if a.p.cfg.Mute {
		return nil, nil
	}
	if err := a.session.Answered(sdp); err != nil {
		return nil, fmt.Errorf("the answer cannot be used: %w", err)
	}
	return nil, a.beginLocked()
}

// answer answers an offer, the same way each time it is asked (183, then 200).
func (a *Audio) answer(f *flow, offer []byte) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.local != nil:
		return a.local, nil
	case a.p.cfg.Mute:
		a.local = a.mute.describe(f, answering(direction(offer)))
		return a.local, nil
	}
	local, err := a.describeLocked(f)
	if err != nil {
		return nil, err
	}
	session, sdp, err := media.Negotiate(offer, local, f.remote.Addr())
	if err != nil {
		return nil, err
	}
	a.session, a.local = session, sdp
	return sdp, a.beginLocked()
}

// change answers a new offer within the call; an empty one is answered with our description as an offer.
func (a *Audio) change(f *flow, offer []byte) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.p.cfg.Mute {
		a.local = a.mute.describe(f, answering(direction(offer)))
		return a.local, nil
	}
	if a.session == nil {
		return nil, errNoSession
	}
	sdp, err := a.session.Renegotiate(offer)
	if err != nil {
		return nil, err
	}
	a.local, a.offered = sdp, len(offer) == 0
	return sdp, nil
}

// reoffer is our description with another direction (RFC 3264 section 8); nil keeps the one there is.
func (a *Audio) reoffer(dir *media.Direction) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.local == nil {
		return nil, errNoSession
	}
	if dir != nil {
		a.dir = *dir
	}
	var err error
	if a.p.cfg.Mute {
		a.local = redirect(a.local, a.dir.String())
	} else if a.session == nil {
		return nil, errNoSession
	} else if a.local, err = a.session.Reoffer(a.dir); err != nil {
		return nil, err
	}
	a.offered = true
	return a.local, nil
}

// fault keeps the first thing that went wrong.
func (a *Audio) fault(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faultLocked(err)
}

func (a *Audio) faultLocked(err error) {
	if a.err == nil {
		a.err = err
	}
}

// Err is the first fault of the audio: an answer that could not be used, a file that could not be written.
func (a *Audio) Err() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}
