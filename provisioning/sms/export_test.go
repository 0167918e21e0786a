package sms

// Admit is the rule for addresses.
func Admit(address string, private bool) error { return admit(address, private) }
