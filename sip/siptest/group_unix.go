//go:build unix

package siptest

import (
	"os"
	"syscall"
)

// ownGroup puts a process into a group of its own, so that its children can be ended with it.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func killGroup(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }
