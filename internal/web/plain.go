package web

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// Plain makes a Handler of net/http's kind of handler, which answers its failures itself.
func Plain(h http.HandlerFunc) Handler {
	return func(c *gin.Context) error {
		h(c.Writer, c.Request)
		return nil
	}
}
