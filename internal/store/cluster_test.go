package store_test

import (
	"errors"
	"testing"

	"sipward/internal/store"
)

func (suite) ClaimTellsAForeignRootKey(t *testing.T, b backend) {
	s, ctx := node(t, b.port(t)), t.Context()
	first, second, foreign := []byte("first"), []byte("second"), []byte("foreign")
	for _, c := range []struct {
		name   string
		checks [][]byte
		want   error
	}{
		{"the first node", [][]byte{first}, nil},
		{"another one", [][]byte{first}, nil},
		{"a foreign one", [][]byte{foreign}, store.ErrForeign},
		{"one without a key", nil, store.ErrForeign},
		{"a rotation", [][]byte{second, first}, nil},
		{"after it", [][]byte{second}, nil},
		{"too late", [][]byte{first}, store.ErrForeign},
		{"foreign still", [][]byte{foreign}, store.ErrForeign},
	} {
		if err := s.Claim(ctx, c.checks...); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}
