//go:build !linux

package tx

// machineMemory is not known here: set GOMEMLIMIT.
func machineMemory() int64 { return assumedMemory }
