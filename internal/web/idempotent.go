package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"

	"sipward/internal/seal"
)

// IdempotencyHeader names a POST, so that sending it again does nothing twice (draft-ietf-httpapi-idempotency-key-header-07).
const IdempotencyHeader = "Idempotency-Key"

const (
	maxKey    = 255     // characters of a key
	maxReplay = 1 << 20 // bytes of a body or an answer; a POST with more knows no key
)

// Replays keeps the answers to named POSTs for a day. Its errors are ErrInFlight and ErrOtherRequest.
type Replays interface {
	// Begin claims a key for a request; an answer that is there already comes back instead.
	Begin(ctx context.Context, key string, request []byte) (answer seal.Box, err error)
	// Finish keeps the answer; nil frees the key, so that the request may be tried again.
	Finish(ctx context.Context, key string, answer seal.Box) error
}

// What Begin says of a key that is in use.
var (
	ErrInFlight     = errors.New("a request with this Idempotency-Key is being answered")
	ErrOtherRequest = errors.New("this Idempotency-Key belongs to another request")
)

// kept is an answer as it is kept, sealed: it may hold a password that is shown once.
type kept struct {
	Status int         `json:"status"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"body"`
}

// recorder notes an answer while it is given.
type recorder struct {
	gin.ResponseWriter
	body bytes.Buffer
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.body.Len() <= maxReplay {
		r.body.Write(b)
	}
	return r.ResponseWriter.Write(b)
}

func (r *recorder) WriteString(s string) (int, error) { return r.Write([]byte(s)) }

// once answers a named POST from what was answered before, or lets it through and keeps what it answers. It reports
// whether the request is over. The body has size bytes at most.
func (f *floor) once(c *gin.Context, size int64) (over bool, err error) {
	name := c.GetHeader(IdempotencyHeader)
	if name == "" || f.replays == nil || c.Request.Method != http.MethodPost || Who(c).ID == "" {
		return false, nil
	}
	if n := c.Request.ContentLength; n >= 0 {
		size = n // a route of large uploads takes keys for the small ones
	}
	if len(name) > maxKey || size > maxReplay {
		return false, Bad("idempotency_key", "Idempotency-Key has 255 characters at most, and a body of more than 1 MiB or of unknown length to a route of uploads takes none: send the request without it")
	}
	body, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return false, BodyFault(err)
	}
	c.Request.Body = io.NopCloser(bytes.NewReader(body))
	request := sha256.Sum256([]byte(c.Request.URL.RequestURI() + "\x00" + string(body)))
	sum := sha256.Sum256([]byte(Who(c).ID + "\x00" + name))
	key := hex.EncodeToString(sum[:])
	box, err := f.replays.Begin(c.Request.Context(), key, request[:])
	switch {
	case errors.Is(err, ErrInFlight):
		return false, Conflict("in_flight", ErrInFlight.Error()+": wait for its answer, then repeat")
	case errors.Is(err, ErrOtherRequest):
		return false, Refusal(http.StatusUnprocessableEntity, "idempotency_mismatch", "The key is in use", ErrOtherRequest.Error()+": send a fresh key with a new request")
	case err != nil:
		return false, err
	case box != nil:
		return true, f.replay(c, key, box)
	}
	f.keep(c, key)
	return true, nil
}

func (f *floor) replay(c *gin.Context, key string, box seal.Box) error {
	plain, err := f.ring.Open("answer/"+key, box)
	var k kept
	if err == nil {
		err = json.Unmarshal(plain, &k)
	}
	if err != nil {
		return err
	}
	for name, values := range k.Header {
		c.Writer.Header()[name] = values
	}
	c.Header("Idempotency-Replayed", "true")
	c.Status(k.Status)
	c.Abort()
	_, err = c.Writer.Write(k.Body)
	if err != nil {
		return nil // the client has gone
	}
	return nil
}

// keep runs the handler and keeps its answer. What failed on our side is not kept: it may be tried again.
func (f *floor) keep(c *gin.Context, key string) {
	rec := &recorder{ResponseWriter: c.Writer}
	c.Writer = rec
	ctx := context.WithoutCancel(c.Request.Context())
	finished := false
	defer func() {
		if !finished { // a panic: it is answered above
			_ = f.replays.Finish(ctx, key, nil)
		}
	}()
	c.Next()
	finished = true
	var box seal.Box
	if status := rec.Status(); status < http.StatusInternalServerError && status != http.StatusTooManyRequests && rec.body.Len() <= maxReplay {
		k := kept{Status: status, Header: http.Header{}, Body: rec.body.Bytes()}
		for _, name := range []string{"Content-Type", "Etag", "Location"} {
			if v := rec.Header().Values(name); len(v) > 0 {
				k.Header[name] = v
			}
		}
		b, err := json.Marshal(k)
		if err == nil {
			box = f.ring.Seal("answer/"+key, b)
		}
	}
	if err := f.replays.Finish(ctx, key, box); err != nil {
		f.log.LogAttrs(ctx, slog.LevelWarn, "an answer is not kept for its Idempotency-Key", slog.Any("err", err))
	}
}
