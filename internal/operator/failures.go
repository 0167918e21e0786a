package operator

import "time"

// Failures is what is remembered of the failed attempts of one name from one source.
type Failures struct {
	ID    string    `json:"id"` // of the pair; a hash: names are strangers' words
	Count int       `json:"count"`
	Until time.Time `json:"until,omitzero"` // no attempt before
	Last  time.Time `json:"last"`
}
