package smpp

// Split is how a text is cut, for tests of the alphabet.
func Split(s string) (coding byte, parts [][]byte) { return split(s) }

// Forms are the forms of an id.
func Forms(id string) []string { return forms(id) }
