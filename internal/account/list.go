package account

// Filter narrows a list of accounts; zero fields match all.
type Filter struct {
	Group  GroupID
	State  State
	Kind   Kind
	Search string // part of owner, number, user or description, case-insensitive
}

// Page is one page of a list; Next is the cursor of the next one, "" at the end.
type Page[T any] struct {
	Items []T
	Next  string
}
