package phone

// What tests of the text see.
var (
	Cut       = cut
	List      = list
	Address   = address
	Parameter = parameter
)
