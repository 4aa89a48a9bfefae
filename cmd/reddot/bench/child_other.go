//go:build !linux

package bench

import "syscall"

// bound leaves a child as the system starts it.
func bound() *syscall.SysProcAttr { return nil }
