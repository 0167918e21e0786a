package account

import "time"

// Node is one process's heartbeat.
type Node struct {
	ID      string         `json:"id"`
	Address string         `json:"address"` // node-to-node host:port
	Version string         `json:"version"`
	Started time.Time      `json:"started_at"`
	Seen    time.Time      `json:"seen_at"`
	Applied Cursor         `json:"-"`              // changes up to here are enforced
	Load    map[string]int `json:"load,omitempty"` // registered, calls, announcements
}

// Effect is how far an account's version has reached: effective once every living node has applied a cursor at or past
// it, or has been silent for longer than the store's MaxStaleness.
type Effect struct {
	Version   uint64   `json:"version"`
	Effective bool     `json:"effective"`
	Pending   []string `json:"pending_nodes"`
}
