package console

import (
	"net/http"

	"sipward/internal/apiclient"
)

// trouble is what the page of a failure shows.
type trouble struct {
	*apiclient.Problem
	Plain, Mend string
}

// say marks a text for translation where it is not translated at once.
func say(s string) string { return s }

// plain is a failure in plain words.
func plain(p *apiclient.Problem) string {
	switch p.Status {
	case http.StatusNotFound:
		return say("This is not here")
	case http.StatusForbidden:
		return say("Your role does not allow this")
	case http.StatusConflict:
		return say("This is not possible as things are")
	case http.StatusPreconditionFailed, http.StatusPreconditionRequired:
		return say("Somebody else changed this meanwhile")
	case http.StatusTooManyRequests:
		return say("Too many requests")
	case http.StatusRequestEntityTooLarge:
		return say("The file is too large")
	case http.StatusServiceUnavailable, http.StatusInsufficientStorage:
		return say("The store does not answer")
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return say("Some of this is not right yet")
	}
	return say("Something went wrong on the server")
}

// mend is what to do about it.
func mend(p *apiclient.Problem) string {
	switch p.Status {
	case http.StatusNotFound:
		return say("It may have been deleted, or the address was mistyped.")
	case http.StatusForbidden:
		return say("Ask an administrator to do it, or to give you a wider role.")
	case http.StatusConflict, http.StatusBadRequest, http.StatusUnprocessableEntity:
		return say("Nothing was changed. Go back and adjust what is said below.")
	case http.StatusPreconditionFailed, http.StatusPreconditionRequired:
		return say("Nothing was overwritten. Open the page again, look at the new values and repeat your change.")
	case http.StatusTooManyRequests:
		return say("Wait a moment, then try again.")
	case http.StatusServiceUnavailable, http.StatusInsufficientStorage:
		return say("Calls that are up go on. Try again in a moment; if it stays like this, run sipward doctor on the server.")
	}
	return say("Nothing may have been changed: look before you repeat it. The server's log has the cause under the request number below.")
}

// notHere is an address without a page.
var notHere = &apiclient.Problem{Status: http.StatusNotFound, Code: "not_found", Detail: "there is no such page"}
