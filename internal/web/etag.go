package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
)

// Tag is the strong entity tag of a version (RFC 9110 section 8.8.3).
func Tag(version uint64) string { return `"` + strconv.FormatUint(version, 10) + `"` }

// Match is the client's If-Match.
type Match struct {
	any  bool
	tags []string
}

// IfMatch reads If-Match, which every change to an existing resource needs: 428 without it.
func IfMatch(c *gin.Context) (Match, error) {
	v := strings.TrimSpace(strings.Join(c.Request.Header.Values("If-Match"), ","))
	if v == "" {
		return Match{}, preconditionRequired()
	}
	return Match{any: v == "*", tags: splitTags(v)}, nil
}

// Check is nil when the present tag is one the client has seen; weak tags never match (RFC 9110 section 13.1.1).
func (m Match) Check(tag string) error {
	if m.any {
		return nil
	}
	for _, t := range m.tags {
		if t == tag {
			return nil
		}
	}
	return Stale()
}

// Version is what the store must check: 0 (whatever is there) for If-Match: *, else the version that Check has passed.
func (m Match) Version(current uint64) uint64 {
	if m.any {
		return 0
	}
	return current
}

// Show answers 200 with a body and its tag, or 304 when the client has that version already.
func Show(c *gin.Context, tag string, body any) error {
	c.Header("ETag", tag)
	for _, t := range splitTags(c.GetHeader("If-None-Match")) {
		if strings.TrimPrefix(t, "W/") == tag || t == "*" { // weak comparison, RFC 9110 section 13.1.2
			c.Status(http.StatusNotModified)
			c.Writer.WriteHeaderNow()
			return nil
		}
	}
	c.JSON(http.StatusOK, body)
	return nil
}

// Changed answers a change with what it made and its tag.
func Changed(c *gin.Context, status int, tag string, body any) error {
	c.Header("ETag", tag)
	c.JSON(status, body)
	return nil
}

func splitTags(v string) []string {
	if v == "" {
		return nil
	}
	tags := strings.Split(v, ",")
	for i := range tags {
		tags[i] = strings.TrimSpace(tags[i])
	}
	return tags
}
