package account

import "errors"

// ErrNotEmpty is answered for the deletion of a group to which accounts belong.
var ErrNotEmpty = errors.New("the group still has accounts: move or delete them first")

// TakenError says which unique field met another record; errors.Is(err, ErrTaken) holds.
type TakenError struct {
	Field string // as in JSON: "user", "number", "secondary_number", "name"
	Value string
}

// Error reads "number +390212345678 is already in use".
func (e *TakenError) Error() string { return e.Field + " " + e.Value + " " + ErrTaken.Error() }

// Unwrap makes it an ErrTaken.
func (e *TakenError) Unwrap() error { return ErrTaken }
