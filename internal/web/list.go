package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// List is the answer of every list: Next is null on the last page.
type List[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next"`
	Total *int    `json:"total,omitempty"` // on all pages, where it is known
}

// The sizes of a page.
const (
	defaultLimit = 50
	maxLimit     = 200
)

// Cursors signs the store's positions, so that a client can only give back what it was given, to the same list.
type Cursors struct{ key []byte }

// NewCursors uses a key that all nodes share (seal.Root.Derive); without one, cursors die with the process.
func NewCursors(key []byte) *Cursors {
	if len(key) == 0 {
		key = []byte(rand.Text())
	}
	return &Cursors{key: key}
}

// Seal makes the next of a page; scope names the list and its filter. "" is the end: nil.
func (s *Cursors) Seal(scope, position string) *string {
	if position == "" {
		return nil
	}
	c := base64.RawURLEncoding.EncodeToString(append(s.sum(scope, position), position...))
	return &c
}

// Open gives the position back.
func (s *Cursors) Open(scope, cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) < sumSize || !hmac.Equal(b[:sumSize], s.sum(scope, string(b[sumSize:]))) {
		return "", Faults{{Pointer: "?cursor", Code: "cursor", Message: "is not one of this list: start without a cursor, and keep the same filter"}}.Err()
	}
	return string(b[sumSize:]), nil
}

const sumSize = 12 // bytes of the HMAC kept in a cursor: it guards against mistakes more than against attack

func (s *Cursors) sum(scope, position string) []byte {
	m := hmac.New(sha256.New, s.key)
	_, _ = m.Write([]byte(scope + "\x00" + position)) // a hash never fails
	return m.Sum(nil)[:sumSize]
}

// Window reads the query's from and until.
func Window(c *gin.Context, faults *Faults) (from, until time.Time) {
	read := func(name string) time.Time {
		text := c.Query(name)
		if text == "" {
			return time.Time{}
		}
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			faults.Add("?"+name, "time", "is no time: want for example 2026-01-31T12:00:00Z")
		}
		return t
	}
	return read("from"), read("until")
}

// Query checks the query's names and returns the page asked for. scope is the route and every parameter but the page's
// own, so a cursor is good for one filter only.
func Query(c *gin.Context, s *Cursors, known ...string) (scope, position string, limit int, err error) {
	q := c.Request.URL.Query()
	var faults Faults
	scope = c.FullPath()
	names := make([]string, 0, len(q))
	for name := range q {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		switch {
		case name == "cursor" || name == "limit":
		case slices.Contains(known, name):
			scope += "\x00" + name + "=" + strings.Join(q[name], "\x01")
		default:
			faults.Add("?"+strings.TrimPrefix(pointer(name), "/"), "unknown_parameter", "is unknown here: leave it out")
		}
	}
	limit = defaultLimit
	if v := q.Get("limit"); v != "" {
		if limit, err = strconv.Atoi(v); err != nil || limit < 1 || limit > maxLimit {
			faults.Add("?limit", "limit", fmt.Sprintf("must be a number from 1 to %d", maxLimit))
		}
	}
	if err := faults.Err(); err != nil {
		return "", "", 0, err
	}
	position, err = s.Open(scope, q.Get("cursor"))
	return scope, position, limit, err
}
