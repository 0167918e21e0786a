package media

import "errors"

// Why a negotiation fails; SIP answers 488 to each of them.
var (
	ErrNoCodec  = errors.New("no codec in common")
	ErrNoSuite  = errors.New("no SRTP suite in common")
	ErrBadOffer = errors.New("unusable session description")
)

// Why a stream does not play.
var (
	ErrNoPorts = errors.New("no free RTP port: widen media.ports")
	ErrBusy    = errors.New("too many concurrent streams")
	ErrStopped = errors.New("the pacer has stopped")
	ErrNoPeer  = errors.New("no address to send to: the phone's media address is not its signalling address and no packet came from there")
	ErrOnHold  = errors.New("on hold for too long")
	ErrPlaying = errors.New("the session plays already")
)
