package main

import (
	"net/http"
	"net/http/pprof"
)

// profiles adds Go's profiler to the metrics listener, which is loopback unless configured otherwise.
func profiles(mux *http.ServeMux) *http.ServeMux {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}
