// Package call holds what the operator, and a restarted node, must know of a call: the [Record] that lives as long as
// the call does, and how it ended. It does no I/O.
package call
