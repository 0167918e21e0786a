package account

import "slices"

// Language is an ISO 639-1 code of a language the product speaks.
type Language string

// Languages are all the product speaks, English (the fallback) first.
func Languages() []Language { return []Language{"en", "it", "fr", "es", "de"} }

// Known reports whether the product speaks l.
func (l Language) Known() bool { return slices.Contains(Languages(), l) }
