package proxy

import (
	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/call"
	"sipward/sip/dialog"
	"sipward/sip/reply"
)

// own makes an answer of ours that takes part in the choice of the best.
func (f *Fork) own(code int, phrase string) *gosip.Response {
	return f.server.Response(code, phrase)
}

// offer keeps res if it is better than the best so far (RFC 3261 section 16.7 step 6), and merges challenges (step 7).
func (f *Fork) offer(res *gosip.Response) {
	if f.best != nil && challenge(res) && challenge(f.best) {
		for _, h := range append(res.GetHeaders("www-authenticate"), res.GetHeaders("proxy-authenticate")...) {
			f.best.AppendHeader(h)
		}
		return
	}
	if f.best == nil || rank(res.StatusCode) < rank(f.best.StatusCode) {
		f.best = res
	}
}

func challenge(res *gosip.Response) bool { return res.StatusCode == 401 || res.StatusCode == 407 }

// rank orders final answers, the best lowest: any 6xx, else the lowest class (section 16.7 step 6); within 4xx those a
// caller can act upon first, and last a 408, which says least.
func rank(code int) int {
	switch code {
	case 401, 407, 415, 420, 484:
		return 10 // section 16.7 step 6: preferred within 4xx
	case 486:
		return 15 // somebody is there
	case 480, 487:
		return 30
	case 408:
		return 40
	case 503:
		return 90
	}
	switch code / 100 {
	case 6:
		return 0
	case 3:
		return 5
	case 4:
		return 20
	}
	return 60
}

// finish gives the caller the best answer once nothing is under way any more.
func (f *Fork) finish() {
	f.stopTimers()
	f.core.drop(f)
	f.refuse(nil)
	f.shed()
}

// refuse sends the final answer: e when the server itself has a say, else what the caller's CANCEL or the branches made.
func (f *Fork) refuse(e *reply.Error) {
	if f.answered {
		return
	}
	f.answered, f.refused = true, true
	res := f.final(e)
	f.over(res.StatusCode)
	if res.StatusCode == 408 {
		return // RFC 4320 section 4.1: no 408 for what is not an INVITE; its sender's own timer has run out
	}
	if err := f.server.Respond(res); err != nil {
		f.core.deps.Log.Debug("final answer not sent", "call_id", f.req.CallID().Value(), "code", res.StatusCode, "err", err)
	}
}

// over closes what the dialog table knows of a call, or subscription, that was refused.
func (f *Fork) over(code int) {
	switch {
	case f.dialog == nil:
	case f.req.IsInvite():
		f.dialog.Note(func(r *call.Record) { r.Code, r.Disposition = code, disposition(code) })
		f.dialog.Forget()
	default:
		f.dialog.End(dialog.Reason{})
	}
}

func (f *Fork) final(e *reply.Error) *gosip.Response {
	switch {
	case e != nil:
		res := f.own(e.Code, e.Phrase)
		for _, h := range e.Headers {
			res.AppendHeader(h)
		}
		return res
	case f.cancelled && f.server.Cancelled():
		return f.own(487, "Request Terminated")
	case f.best == nil:
		return f.own(480, "Temporarily Unavailable")
	case f.best.StatusCode == 503: // step 6: 503 would take the whole server out of service for the caller
		return f.own(500, "Server Internal Error")
	case f.best.StatusCode == 408 && f.req.IsInvite():
		return f.own(480, "Temporarily Unavailable")
	}
	return forwardedResponse(f.best, f.req)
}

func disposition(code int) call.Disposition {
	switch code {
	case 486, 600, 603:
		return call.Busy
	case 480, 408:
		return call.NoAnswer
	case 487:
		return call.Cancelled
	}
	return call.Failed
}

func (f *Fork) stopTimers() {
	if f.timer != nil {
		f.timer.Stop()
	}
	if f.timerC != nil {
		f.timerC.Stop()
	}
}
