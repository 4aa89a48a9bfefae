//go:build !unix

package datadir

// Umask does nothing where files have no such mode.
func Umask() {}
