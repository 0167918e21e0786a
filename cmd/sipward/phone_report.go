package main

import (
	"fmt"
	"io"
	"sync"

	"sipward/sip/phone"
)

// printReport says how the call went and what was heard.
func (s phoneSession) printReport(call *phone.Call) {
	r, h := call.Result(), call.Audio().Heard()
	if r.Err == nil {
		fmt.Fprintf(s.out, "the call with %s has ended%s\n", call.Peer(), reasonOf(r.Reason))
	}
	if h.Packets > 0 {
		fmt.Fprintf(s.out, "heard %.1f s of %s over %s: %d packets, %d lost, %d refused\n",
			h.PCM.Duration().Seconds(), h.Codec, suiteOf(h), h.Packets, h.Lost, h.Refused)
		if s.flags.Record != "" && call.Audio().Err() == nil {
			fmt.Fprintf(s.out, "recorded into %s\n", s.flags.Record)
		}
	}
	if err := call.Audio().Err(); err != nil {
		fmt.Fprintf(s.out, "audio: %v\n", err)
	}
}

func reasonOf(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

func suiteOf(h phone.Heard) string {
	if h.Suite == "" {
		return "clear RTP"
	}
	return "SRTP " + string(h.Suite)
}

// lockedWriter lets the ladder and the command print lines at the same time.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// Write writes one line whole.
func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
