//go:build unix

package main

import "syscall"

// private makes every file that this process makes its user's alone: they tell
// who talks to whom.
func private() { syscall.Umask(0o077) }
