package audit

import "context"

// Act is who does something, from where, and by which request.
type Act struct {
	By      string `json:"by"`         // name of the operator, "token:NAME", "bootstrap", "setup"
	ID      string `json:"by_id"`      // of the operator or token
	Role    string `json:"role"`       // with which it acted
	From    string `json:"from"`       // address of the client
	Request string `json:"request_id"` // the log of the server knows it
	Action  string `json:"action"`     // method and route: "POST /api/v1/accounts/:id/disable"
	Path    string `json:"path"`       // method and route name the action, the path its object
}

type actKey struct{}

// With carries an act to whatever is done under ctx.
func With(ctx context.Context, a Act) context.Context { return context.WithValue(ctx, actKey{}, a) }

// From is the act of ctx; false when the server itself does something.
func From(ctx context.Context) (Act, bool) {
	a, ok := ctx.Value(actKey{}).(Act)
	return a, ok
}
