package apiclient

import "sipward/internal/apiclient/wire"

// The nouns of the API, as its document has them.
type (
	Account         = wire.Account
	Group           = wire.Group
	Node            = wire.Node
	Token           = wire.Token
	Clip            = wire.Clip
	Registration    = wire.Binding
	Change          = wire.Progress
	Imported        = wire.Imported
	AuditEntry      = wire.AuditEntry
	AuditCheck      = wire.AuditCheck
	AuditFault      = wire.AuditFault
	AuditComparison = wire.AuditComparison
	AuditFilter     = wire.ListAuditParams
	Trace           = wire.SIPTrace
)

// What things are made of; what is left out takes the server's defaults.
type (
	NewAccount = wire.AccountCreate
	NewGroup   = wire.CreateGroupJSONRequestBody
	NewToken   = wire.CreateTokenJSONRequestBody
)

// Filter narrows a list of accounts; zero fields choose all.
type Filter struct{ GroupID, State, Type, Search string }

// given is a parameter that is sent only when it says something.
func given(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
