//go:build !linux

package process

import "syscall"

// bound leaves a process as the system starts it.
func bound() *syscall.SysProcAttr { return nil }
