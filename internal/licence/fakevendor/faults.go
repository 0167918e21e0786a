package fakevendor

import (
	"io"
	"net/http"
	"time"
)

func (v *Vendor) wait(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-v.closed:
	}
}

func (v *Vendor) slow(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/jose")
	t := time.NewTicker(100 * time.Millisecond)
	defer t.Stop()
	for {
		_, err := io.WriteString(w, "A")
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		select {
		case <-t.C:
		case <-r.Context().Done():
			return
		case <-v.closed:
			return
		}
		if err != nil {
			return
		}
	}
}

// huge writes until the client has had enough.
func huge(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/jose")
	block := make([]byte, 1<<16)
	for range 1 << 14 {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}
