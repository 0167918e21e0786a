//go:build accept

package provisioning_test

func large() (rows int, mebibytes uint64) { return 1_000_000, 64 }
