package account

// Filter narrows a list of accounts; zero fields match all.
type Filter struct {
	Group  GroupID
	State  State
	Kind   Kind
	Search string // part of owner, number, user, description or e-mail, case-insensitive

	Profile    ProfileID
	Registered *bool  // nil: both
	Sort       string // created, owner or number, with - in front the other way round; empty: created
}

// Tally is how many accounts there are.
type Tally struct {
	Known                     bool // false: the states are not counted yet
	Pending, Active, Disabled int
	Registered                int // have bindings, or had until a moment ago
}

// Page is one page of a list; Next is the cursor of the next one, "" at the end.
type Page[T any] struct {
	Items []T
	Next  string
	Total *int // how many there are on all pages; nil: nobody counted
}
