package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// translate makes a Problem of any error. What it does not know is infrastructure: 503, the cause for the log alone.
func translate(err error) *Problem {
	var p *Problem
	var taken *account.TakenError
	var size *http.MaxBytesError
	is := func(target error) bool { return errors.Is(err, target) }
	switch {
	case errors.As(err, &p):
	case ofMessage(err) != nil:
		p = ofMessage(err)
	case errors.As(err, &taken):
		p = problem(http.StatusConflict, "taken", "Already in use", taken.Error())
		p.Errors = []Fault{{Pointer: "/" + taken.Field, Code: "taken", Message: account.ErrTaken.Error()}}
	case is(account.ErrTaken):
		p = problem(http.StatusConflict, "taken", "Already in use", err.Error())
	case is(account.ErrNotFound):
		p = problem(http.StatusNotFound, "not_found", "There is no such thing", "nothing has this id: take it from the list that shows it")
	case is(account.ErrNotEmpty):
		p = problem(http.StatusConflict, "not_empty", "The present state does not allow this", account.ErrNotEmpty.Error())
	case is(account.ErrDisabled), is(account.ErrPending):
		p = problem(http.StatusForbidden, "account_state", "The account's state does not allow this", err.Error())
	case errors.As(err, &size):
		errors.As(tooLarge(size.Limit), &p)
	case is(kv.ErrConflict):
		errors.As(Stale(), &p)
	case is(kv.ErrRefused):
		p = problem(http.StatusInsufficientStorage, "store_refuses", "The store refuses writes",
			"nothing was written: the store is full, out of memory or read-only; make room (sipward doctor tells where), then repeat")
	case is(kv.ErrUnavailable), is(context.DeadlineExceeded), is(context.Canceled): // canceled: the client has gone and reads nothing
		errors.As(Unavailable(outcomeUnknown, nil), &p)
	case is(os.ErrDeadlineExceeded), is(io.ErrUnexpectedEOF): // not the store's, which are told above
		p = problem(http.StatusRequestTimeout, "timeout", "The body did not arrive", "the body did not arrive whole and in time: send it again")
	default:
		errors.As(Unavailable("something behind the server failed: repeat, and look into the server's log for the request_id", nil), &p)
	}
	return p
}
