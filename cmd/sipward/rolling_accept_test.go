//go:build accept

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// F15: from the previous commit's build to this one and back, node by node.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	old := previousBuild(t)
	r := startRolling(t, old)
	r.roll(os.Args[0], os.Args[0], old, old)
}

// previousBuild builds the commit before this one.
func previousBuild(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "sipward")
	script := exec.Command("sh", "-ec", `root=$(git rev-parse --show-toplevel)
		git -C "$root" rev-parse --quiet --verify HEAD~1 >/dev/null || exit 77
		mkdir "$1/old" && git -C "$root" archive HEAD~1 | tar -x -C "$1/old"
		cd "$1/old" && CGO_ENABLED=0 go build -o "$1/sipward" ./cmd/sipward`, "sh", dir)
	out, err := script.CombinedOutput()
	if script.ProcessState.ExitCode() == 77 {
		t.Skip("there is no previous commit here (a shallow clone)")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}
