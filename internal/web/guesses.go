package web

import (
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"
)

// Guesses slows down sources that show secrets which nobody was given, for the routes that anybody may ask: 20 at once,
// then one a second. It is per node.
type Guesses struct{ sources *sources }

// NewGuesses makes one; sources in exempt are never slowed down.
func NewGuesses(exempt []netip.Prefix, now func() time.Time) *Guesses {
	return &Guesses{newSources(1, 20, exempt, now)}
}

// Wrong counts a wrong secret: nil, or the refusal of a source that has guessed too often.
func (g *Guesses) Wrong(c *gin.Context) error {
	if wait := g.sources.take(c.ClientIP()); wait > 0 {
		return TooMany(wait)
	}
	return nil
}
