package web

import "strings"

// Need is a dependency of an API, and whether whoever made the API forgot it.
type Need struct {
	Name    string
	Missing bool
}

// Missing names the needs that were forgotten; "" when all are there.
func Missing(needs []Need) string {
	var names []string
	for _, n := range needs {
		if n.Missing {
			names = append(names, n.Name)
		}
	}
	return strings.Join(names, ", ")
}
