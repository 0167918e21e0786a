package sip

import (
	"errors"

	"sipward/internal/account"
	"sipward/media"
	"sipward/sip/dialog"
	"sipward/sip/reply"
	"sipward/sip/transport"
)

// verdict is what the state of the accounts makes of a request: pass (zero), or a refusal, with the clip that says it
// aloud when it is a call.
type verdict struct {
	refusal *reply.Error
	clip    media.Prompt
	reason  dialog.Reason
}

func refuse(code int, phrase string, cause int, text string, clip media.Prompt) verdict {
	return verdict{
		refusal: reply.New(code, phrase, reply.Reason(cause, text)), clip: clip,
		reason: dialog.Reason{Code: code, Phrase: phrase, Cause: cause, Text: text},
	}
}

// decideCaller judges who asks: a disabled or pending account may do nothing, and hears why when it calls.
func decideCaller(op account.Op, caller account.Account) verdict {
	switch err := caller.May(op); {
	case errors.Is(err, account.ErrPending):
		return refuse(403, "Forbidden", 21, "account not activated", media.AccountPending)
	case err != nil:
		return refuse(403, "Forbidden", 21, "account disabled", media.AccountDisabled)
	}
	return verdict{}
}

// unencrypted is why a call of a TLS-only account over anything else ends.
var unencrypted = dialog.Reason{Code: 403, Phrase: "TLS Required", Cause: 21, Text: "the account may use TLS and WSS only"}

// errUnencrypted refuses what a TLS-only account sends over anything else. It comes after the credentials: nobody
// without the password learns what the account asks for.
var errUnencrypted = reply.New(unencrypted.Code, unencrypted.Phrase, reply.Reason(unencrypted.Cause, unencrypted.Text))

// errTakeover refuses an account in a call of others.
var errTakeover = reply.New(403, "Forbidden")

// overheard reports whether a request of an account came in a way that others can read, and the account forbids that.
func overheard(f *transport.Flow, a account.Account) bool { return a.TLSOnly && !f.Network().Secure() }

// decideCallee judges who is asked for: no phone of a disabled or pending account rings. disabled is the clip for a
// disabled callee (sip.callee_clip); a pending one is just not available yet.
func decideCallee(op account.Op, callee account.Account, disabled media.Prompt) verdict {
	switch err := callee.May(op); {
	case errors.Is(err, account.ErrPending):
		return refuse(480, "Temporarily Unavailable", 31, "temporarily unavailable", media.CalleeUnavailable)
	case err != nil:
		return refuse(480, "Temporarily Unavailable", 31, "temporarily unavailable", disabled)
	}
	return verdict{}
}

// unknownNumber and unreachable are the refusals that have nothing to do with a state; their clips are switched on one by
// one (sip.announce_failures).
func unknownNumber() verdict {
	return refuse(404, "Not Found", 1, "unallocated number", media.NumberUnknown)
}

func unreachable() verdict {
	return refuse(480, "Temporarily Unavailable", 20, "subscriber absent", media.NotReachable)
}

// disabledReason is why the server ends a call of an account that was disabled while it was up.
func disabledReason() dialog.Reason { return decideCaller(account.Call, suspended()).reason }

func suspended() account.Account { return account.Account{Suspended: &account.Suspension{}} }
