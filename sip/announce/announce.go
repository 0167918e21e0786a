package announce

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/call"
	"sipward/media"
	"sipward/sip/dialog"
	"sipward/sip/reply"
	"sipward/sip/transport"
	"sipward/sip/tx"
)

// Mode is how an announcement reaches the caller.
type Mode string

// The modes of sip.announce.
const (
	Early  Mode = "early"
	Answer Mode = "answer"
	None   Mode = "none"
)

// Config of the announcer; zero values mean no limit.
type Config struct {
	PerListener int           // announcements for one account within Window
	Window      time.Duration // 10 min
	Address     netip.Addr    // put into SDP; zero: the address the caller reached us by
	Must        bool          // never clear RTP
}

// Deps of the announcer.
type Deps struct {
	Clips   *media.Library
	Ports   *media.Ports
	Pacer   *media.Pacer
	Dialogs *dialog.Table
	Contact func(f *transport.Flow, user string) string // our Contact towards a flow, without brackets
	Now     func() time.Time
	Log     *slog.Logger
	// Panicked counts and logs a panic that was recovered.
	Panicked func(where string, v any)
}

// Announcement is what to say to whom, and how the call ends.
type Announcement struct {
	Server   *tx.Server
	Listener account.Account
	Prompt   media.Prompt
	Mode     Mode
	Final    *reply.Error  // after the clip, or at once when there can be none
	Reason   dialog.Reason // the same in the BYE of answer mode
	Record   call.Record
}

// Announcer plays. It is safe for concurrent use.
type Announcer struct {
	config Config
	deps   Deps
	quota  *quota

	mu       sync.Mutex // guards what follows
	byServer map[*tx.Server]*session
	byCookie map[string]*session
	running  sync.WaitGroup // sessions and what they started
	draining bool
}

// New makes an announcer.
func New(c Config, d Deps) *Announcer {
	return &Announcer{
		config: c, deps: d, quota: newQuota(c.PerListener, c.Window, d.Now),
		byServer: map[*tx.Server]*session{}, byCookie: map[string]*session{},
	}
}

// Play takes the transaction over and answers it, in every case; it does not block. ctx is the node's: its end stops all
// clips.
func (a *Announcer) Play(ctx context.Context, an Announcement) {
	clip := a.deps.Clips.Clip(an.Prompt, string(an.Listener.Language))
	enough := an.Mode != None && clip != nil && !a.quota.enter(an.Listener.ID)
	if enough {
		a.deps.Log.Info("announcement left out: limits.announcements_per_account", "account", an.Listener.ID, "prompt", an.Prompt)
	}
	if an.Mode == None || clip == nil || enough {
		a.refuse(an, an.Final)
		return
	}
	s, err := a.open(ctx, an, clip)
	if err != nil {
		a.quota.leave(an.Listener.ID)
		a.refuse(an, err)
		return
	}
	if !a.keep(s) {
		s.dialog.Forget()
		s.close()
		a.refuse(an, an.Final)
		return
	}
	if an.Server.Cancelled() { // while there was nothing to stop
		s.stop(terminated())
	}
	go func() {
		defer a.running.Done()
		defer s.close()
		defer s.recovered()
		s.run()
	}()
}

func terminated() *reply.Error { return reply.New(487, "Request Terminated") }

// keep enters a session into the maps, and into the wait group while there is still somebody to wait.
func (a *Announcer) keep(s *session) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.draining {
		return false
	}
	a.running.Add(1)
	a.byServer[s.an.Server], a.byCookie[s.dialog.Cookie] = s, s
	return true
}

func (a *Announcer) forget(s *session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.byServer, s.an.Server)
	delete(a.byCookie, s.dialog.Cookie)
}

func (a *Announcer) refuse(an Announcement, e *reply.Error) {
	if err := an.Server.Reply(e.Code, e.Phrase, e.Headers...); err != nil {
		a.deps.Log.Debug("refusal not sent", "code", e.Code, "err", err)
	}
}

// Len is the number of clips that play now.
func (a *Announcer) Len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.byServer)
}

// Wait lets the clips end and returns when the last has; no new one starts.
func (a *Announcer) Wait() {
	a.mu.Lock()
	a.draining = true
	a.mu.Unlock()
	a.running.Wait()
}

// Cancel stops the announcement of an INVITE whose caller gave up; false when there is none.
func (a *Announcer) Cancel(invite *tx.Server) bool {
	a.mu.Lock()
	s := a.byServer[invite]
	a.mu.Unlock()
	if s != nil {
		s.stop(terminated())
	}
	return s != nil
}

// Closed ends the announcements whose caller's connection is gone: nobody hears them any more.
func (a *Announcer) Closed(f *transport.Flow) {
	a.mu.Lock()
	var gone []*session
	for _, s := range a.byServer {
		if s.an.Server.Flow().ID() == f.ID() {
			gone = append(gone, s)
		}
	}
	a.mu.Unlock()
	for _, s := range gone {
		s.stop(terminated())
	}
}

// find returns the session whose Contact an in-dialog request names, when it comes over its caller's flow and has the
// dialog's identifiers.
func (a *Announcer) find(f *transport.Flow, req *gosip.Request) *session {
	a.mu.Lock()
	s := a.byCookie[req.Recipient.User]
	a.mu.Unlock()
	if s == nil || s.an.Server.Flow().ID() != f.ID() || req.CallID().Value() != s.dialog.CallID {
		return nil
	}
	if _, ok := s.dialog.Cross(req.From().Params.GetOr("tag", ""), req.To().Params.GetOr("tag", "")); !ok {
		return nil
	}
	return s
}
