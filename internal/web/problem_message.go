package web

import (
	"errors"
	"net/http"

	"sipward/internal/message"
)

// ofMessage makes a Problem of what the outbox refuses; nil for any other error.
func ofMessage(err error) *Problem {
	var limit *message.LimitError
	switch {
	case errors.As(err, &limit) && limit.Retry > 0:
		p := problem(http.StatusTooManyRequests, "message_limit", "Too many messages", limit.Detail)
		p.retry = limit.Retry
		return p
	case errors.As(err, &limit):
		return problem(http.StatusForbidden, "message_"+limit.Code, "No message goes there", limit.Detail)
	case errors.Is(err, message.ErrRecipient):
		p := problem(http.StatusBadRequest, "invalid", "The request is not valid", message.ErrRecipient.Error())
		p.Errors = []Fault{{Pointer: "/to", Code: "recipient", Message: message.ErrRecipient.Error()}}
		return p
	}
	return nil
}
