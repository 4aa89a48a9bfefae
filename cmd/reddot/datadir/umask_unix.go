//go:build unix

package datadir

import "syscall"

// Umask makes every file that this process makes its user's alone: they show
// who talks to whom.
func Umask() { syscall.Umask(0o077) }
