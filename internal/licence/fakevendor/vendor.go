package fakevendor

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"sipward/internal/account"
	"sipward/internal/licence"
)

// Step is how one question is answered.
type Step string

// The steps. OK honours If-None-Match with a 304.
const (
	OK        Step = "ok"
	NoLicence Step = "no licence" // 404 in our protocol's words
	PlainPage Step = "plain page" // 404 as a web server says it
	Busy      Step = "busy"       // 429 with Retry-After: 60
	Broken    Step = "broken"     // 500
	Hang      Step = "hang"       // no answer at all
	SlowBody  Step = "slow body"  // a byte now and then
	Garbage   Step = "garbage"    // 200 with something else
	Forged    Step = "forged"     // signed by another key
	Foreign   Step = "foreign"    // for another account
	Early     Step = "early"      // valid from tomorrow on: the clocks differ
	Past      Step = "past"       // expired yesterday
	Older     Step = "older"      // a serial below the last
	Huge      Step = "huge"       // 1 GiB
	Loop      Step = "loop"       // a redirect to itself
	Elsewhere Step = "elsewhere"  // a redirect to Other
	Confirms  Step = "confirms"   // 304 whatever was asked
)

// Vendor answers questions. Its fields are set before the first one.
type Vendor struct {
	Life       time.Duration // of a document; 0: 30 days
	Credential string        // bearer token that is asked for; empty: none
	Other      string        // where Elsewhere sends
	Now        func() time.Time

	key, wrong ed25519.PrivateKey // static after construction
	closed     chan struct{}

	mu     sync.Mutex // guards what follows
	always Step
	serial map[account.ID]uint64
	last   map[account.ID][]byte // the document that OK gave last
	asked  int
	codes  []string // OEM codes that were sent
}

// New makes a vendor with a fresh key.
func New(now func() time.Time) (*Vendor, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("fake vendor: %w", err)
	}
	_, wrong, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("fake vendor: %w", err)
	}
	return &Vendor{Now: now, key: key, wrong: wrong, closed: make(chan struct{}), always: OK,
		serial: map[account.ID]uint64{}, last: map[account.ID][]byte{}}, nil
}

// Close ends what hangs.
func (v *Vendor) Close() { close(v.closed) }

// Keys is the public key that the proxy is configured with.
func (v *Vendor) Keys() licence.Keys { return licence.Keys{v.key.Public().(ed25519.PublicKey)} }

// Always answers every question so from now on.
func (v *Vendor) Always(s Step) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.always = s
}

// Renew makes OK give a new document to an account that has one: the next serial.
func (v *Vendor) Renew(id account.ID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.last, id)
}

// Asked is how many questions have come.
func (v *Vendor) Asked() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.asked
}

// Codes are the OEM codes that have come.
func (v *Vendor) Codes() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]string(nil), v.codes...)
}

// question is what the proxy sends.
type question struct {
	Account account.ID `json:"account"`
	Product string     `json:"product"`
	OEMCode string     `json:"oem_code"`
}

// ServeHTTP answers POST /v1/licences.
func (v *Vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q question
	err := json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&q)
	switch {
	case r.Method != http.MethodPost || r.URL.Path != "/v1/licences" || err != nil:
		http.Error(w, "want POST /v1/licences with JSON", http.StatusBadRequest)
	case v.Credential != "" && r.Header.Get("Authorization") != "Bearer "+v.Credential:
		http.Error(w, "who are you?", http.StatusUnauthorized)
	default:
		v.answer(w, r, q)
	}
}

func (v *Vendor) next(q question) Step {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked++
	if q.OEMCode != "" {
		v.codes = append(v.codes, q.OEMCode)
	}
	return v.always
}

func (v *Vendor) answer(w http.ResponseWriter, r *http.Request, q question) {
	switch step := v.next(q); step {
	case NoLicence:
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"code":"no_licence","title":"none was bought"}`)
	case PlainPage:
		http.NotFound(w, r)
	case Busy:
		w.Header().Set("Retry-After", "60")
		http.Error(w, "later", http.StatusTooManyRequests)
	case Broken:
		http.Error(w, "oops", http.StatusInternalServerError)
	case Hang:
		v.wait(r)
	case SlowBody:
		v.slow(w, r)
	case Huge:
		huge(w)
	case Loop:
		http.Redirect(w, r, "/v1/licences", http.StatusTemporaryRedirect)
	case Elsewhere:
		http.Redirect(w, r, v.Other, http.StatusTemporaryRedirect)
	case Confirms:
		w.WriteHeader(http.StatusNotModified)
	case Garbage:
		v.write(w, []byte("<html>hello</html>"), "")
	default:
		v.document(w, r, q, step)
	}
}

func (v *Vendor) document(w http.ResponseWriter, r *http.Request, q question, step Step) {
	v.mu.Lock()
	raw, err := v.stepLocked(q, step)
	v.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	etag := `"` + strconv.Itoa(len(raw)) + "-" + string(raw[len(raw)-16:]) + `"`
	if step == OK && r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	v.write(w, raw, etag)
}

func (v *Vendor) write(w http.ResponseWriter, raw []byte, etag string) {
	w.Header().Set("Content-Type", "application/jose")
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	_, _ = w.Write(raw) // the client has gone: nothing to do
}
