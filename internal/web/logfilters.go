package web

import (
	"slices"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/operator"
	"sipward/internal/parcel"
)

// SignInFilter reads the query's filter of the sign-in log: operator_id, name, event, source, from, until. The list and its
// export mean the same by it.
func SignInFilter(c *gin.Context) (operator.SignInFilter, error) {
	var faults Faults
	f := operator.SignInFilter{Operator: c.Query("operator_id"), Name: c.Query("name"), Source: c.Query("source"), Event: operator.Event(c.Query("event"))}
	if f.Event != "" && !slices.Contains(operator.Events(), f.Event) {
		faults.Add("?event", "choice", "is none: see the document for the events")
	}
	f.From, f.Until = Window(c, &faults)
	return f, faults.Err()
}

// ParcelFilter reads the query's filter of the log of secure messages: account_id, status, from, until. The list and its
// export mean the same by it.
func ParcelFilter(c *gin.Context) (parcel.Filter, error) {
	var faults Faults
	f := parcel.Filter{Account: account.ID(c.Query("account_id")), Status: parcel.Status(c.Query("status"))}
	if f.Account != "" && !f.Account.Valid() {
		faults.Add("?account_id", "unknown", "is not the id of an account: list them with GET /api/v1/accounts")
	}
	if f.Status != "" && !slices.Contains(parcel.Statuses(), f.Status) {
		faults.Add("?status", "unknown", "is none: ENQUEUED, DELIVERED, EXPIRED, INVALID_RECIPIENT, INVALID_DEVICE or INVALID_PAYLOAD")
	}
	f.From, f.Until = Window(c, &faults)
	return f, faults.Err()
}
