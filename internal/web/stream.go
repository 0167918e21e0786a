package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// streamWrite is how long one event may take to leave: a client that never reads is cut off.
const streamWrite = 10 * time.Second

// Stream sends server-sent events (WHATWG HTML section 9.2). It belongs to one goroutine.
type Stream struct{ c *gin.Context }

// NewStream starts the answer.
func NewStream(c *gin.Context) (*Stream, error) {
	h := c.Writer.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx would keep the events to itself
	c.Status(http.StatusOK)
	s := &Stream{c: c}
	return s, s.write([]byte(": sipward\n\n"))
}

// Send sends one event; event and id are words of ours without line breaks.
func (s *Stream) Send(event, id string, data any) error {
	body, err := json.Marshal(data) // one line: JSON escapes line breaks
	if err != nil {
		return fmt.Errorf("event %s: %w", event, err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "event: %s\n", event)
	if id != "" {
		fmt.Fprintf(&b, "id: %s\n", id)
	}
	fmt.Fprintf(&b, "data: %s\n\n", body)
	return s.write(b.Bytes())
}

// Ping keeps the connection alive and finds out that it is not.
func (s *Stream) Ping() error { return s.write([]byte(": ping\n\n")) }

func (s *Stream) write(b []byte) error {
	setWriteDeadline(s.c, streamWrite)
	if _, err := s.c.Writer.Write(b); err != nil {
		return err
	}
	return http.NewResponseController(s.c.Writer).Flush()
}

func setWriteDeadline(c *gin.Context, d time.Duration) {
	_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Now().Add(d)) // a test's recorder knows none
}
