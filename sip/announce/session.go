package announce

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/call"
	"sipward/media"
	"sipward/sip/dialog"
	"sipward/sip/header"
	"sipward/sip/reply"
	"sipward/sip/transport"
)

// session is one announcement: a call whose far end is us.
type session struct {
	a      *Announcer
	an     Announcement
	clip   *media.Clip
	lease  *media.Lease
	dialog *dialog.Dialog

	rseq    uint32        // of our reliable 183; 0: it is not reliable
	offered bool          // the SDP we send is the offer
	ready   chan struct{} // closed when PRACK or ACK has come

	heard   sync.Once       // its listener may hear another one
	life    context.Context // ends with the clip
	silence context.CancelFunc

	mu       sync.Mutex // guards what follows
	stream   *media.Session
	sdp      []byte
	cseq     uint32 // the highest that the caller has sent
	acked    bool
	repeated map[uint32]chan struct{} // 200s of re-INVITEs that wait for their ACK, by CSeq
	final    *reply.Error             // what the caller gets; replaced by whoever stops the clip
	stopped  chan struct{}
}

// open leases ports and negotiates; the error is the refusal to send instead.
func (a *Announcer) open(ctx context.Context, an Announcement, clip *media.Clip) (*session, *reply.Error) {
	req := an.Server.Request()
	s := &session{
		a: a, an: an, clip: clip, final: an.Final, ready: make(chan struct{}), stopped: make(chan struct{}),
		repeated: map[uint32]chan struct{}{}, cseq: req.CSeq().SeqNo,
	}
	reliable := header.Lists(req, "supported", "100rel") || header.Lists(req, "require", "100rel")
	s.offered = len(req.Body()) == 0
	if an.Mode == Early && s.offered && !reliable {
		return nil, an.Final // RFC 3262 section 5: an offer needs a reliable response
	}
	if an.Mode == Early && reliable {
		s.rseq = 1 + rand.Uint32N(1<<31-1) // RFC 3262 section 3
	}
	lease, err := a.deps.Ports.Lease()
	if err != nil {
		return nil, an.Final.Because(err)
	}
	s.lease = lease
	if err := s.negotiate(req.Body()); err != nil {
		lease.Release()
		return nil, reply.New(488, "Not Acceptable Here").Because(err)
	}
	if err := s.begin(req); err != nil {
		lease.Release()
		return nil, an.Final.Because(err)
	}
	s.life, s.silence = context.WithCancel(ctx)
	return s, nil
}

func (s *session) negotiate(offer []byte) (err error) {
	flow := s.an.Server.Flow()
	local := media.Local{
		Addr:   netip.AddrPortFrom(s.a.address(flow), s.lease.Addr().Port()),
		Secure: flow.Network().Secure(), Must: s.a.config.Must,
	}
	if s.offered {
		s.stream, s.sdp, err = media.Offer(local, flow.Remote().Addr())
	} else {
		s.stream, s.sdp, err = media.Negotiate(offer, local, flow.Remote().Addr())
	}
	return err
}

// address is what the SDP names: as configured, or the address the caller reached us by.
func (a *Announcer) address(f *transport.Flow) netip.Addr {
	if a.config.Address.IsValid() {
		return a.config.Address
	}
	return f.Local().Addr().Unmap()
}

// begin enters the call into the table, so that it is counted and ended like any other. It has no parties: a change of its
// listener's state must not cut the message about that very state short.
func (s *session) begin(req *gosip.Request) (err error) {
	leg := dialog.CallerLeg(s.an.Listener.ID, s.an.Server.Flow(), req)
	if s.dialog, err = s.a.deps.Dialogs.Begin(s.an.Record, leg, nil, s.ended); err != nil {
		return err
	}
	s.dialog.Note(func(r *call.Record) { r.Reason, r.Disposition = string(s.an.Prompt), call.Announced })
	s.dialog.Answer(dialog.Leg{Tag: s.an.Server.Tag()}, false)
	return nil
}

// ended is how the dialog ends an announcement that is not answered.
func (s *session) ended(why dialog.Reason) { s.stop(reply.New(why.Code, why.Phrase, why.Headers()...)) }

// stop ends the clip; the first who stops it says what the caller gets.
func (s *session) stop(final *reply.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.stopped:
	default:
		s.final = final
		close(s.stopped)
	}
}

func (s *session) close() {
	s.silence()
	s.a.forget(s)
	s.lease.Release()
	s.leave()
}

// leave lets the listener hear another announcement. It comes before the final answer: whoever gets that may call again at
// once.
func (s *session) leave() { s.heard.Do(func() { s.a.quota.leave(s.an.Listener.ID) }) }

// spawn runs f beside the clip; the announcer waits for it.
func (s *session) spawn(f func()) {
	s.a.mu.Lock()
	defer s.a.mu.Unlock()
	if s.a.byServer[s.an.Server] != s {
		return // over
	}
	s.a.running.Go(func() {
		defer s.recovered()
		f()
	})
}

// recovered keeps a panic from taking more than this announcement.
func (s *session) recovered() {
	if v := recover(); v != nil {
		s.a.deps.Panicked("announcement", v)
		s.silence()
		s.a.refuse(s.an, reply.New(500, "Server Internal Error"))
		s.dialog.Forget()
	}
}

// run answers, plays and ends; it owns the announcement until it returns.
func (s *session) run() {
	ctx := s.life
	defer s.silence()
	select {
	case <-s.stopped: // the caller has given up already
		s.finish()
		return
	default:
	}
	var gone <-chan struct{} // a 2xx ends the transaction, not the call
	if s.an.Mode == Early {
		gone = s.an.Server.Context().Done()
	}
	s.spawn(func() { // whatever ends the call ends the clip
		defer s.silence()
		select {
		case <-s.stopped:
		case <-s.dialog.Over():
		case <-gone:
		case <-ctx.Done():
		}
	})
	if s.an.Mode == Answer {
		s.answered(ctx)
		return
	}
	s.early(ctx)
}

func (s *session) play(ctx context.Context) {
	err := s.a.deps.Pacer.Play(ctx, s.clip, s.stream, s.lease)
	if err != nil && !errors.Is(err, context.Canceled) {
		s.a.deps.Log.Warn("announcement broke off", "account", s.an.Listener.ID, "prompt", s.an.Prompt, "err", err)
	}
}

// finish gives the INVITE its final answer and closes the call record.
func (s *session) finish() {
	s.mu.Lock()
	final := s.final
	s.mu.Unlock()
	s.leave()
	s.a.refuse(s.an, final)
	s.dialog.Note(func(r *call.Record) { r.Code = final.Code })
	s.dialog.Forget()
}

// every sends again and again, at growing intervals from first to last, until done or ctx ends.
func every(ctx context.Context, first, last time.Duration, done <-chan struct{}, send func()) {
	timer := time.NewTimer(first)
	defer timer.Stop()
	for wait := first; ; wait = min(2*wait, last) {
		timer.Reset(wait)
		select {
		case <-timer.C:
			send()
		case <-done:
			return
		case <-ctx.Done():
			return
		}
	}
}
