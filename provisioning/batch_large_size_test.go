//go:build !accept

package provisioning_test

// large is a tenth of what the long tier sends.
func large() (rows int, mebibytes uint64) { return 100_000, 32 }
