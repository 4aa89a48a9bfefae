// Package corrupt distinguishes corruption of a store's files from other errors that Pebble
// returns.
package corrupt

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"

	"reddot/projector/store/row"
)

// Error is corruption that was met in a file. It wraps row.ErrCorrupt.
type Error struct {
	File string // "" if Pebble doesn't say
	Err  error
}

func (e *Error) Error() string {
	what := row.ErrCorrupt.Error()
	if e.File != "" {
		what += ": file " + e.File
	}
	// The error that carries the file says so in its text, on a line of its own.
	text, _, _ := strings.Cut(e.Err.Error(), "\n")
	return what + ": " + text
}

func (e *Error) Unwrap() []error { return []error{row.ErrCorrupt, e.Err} }

// Wrap makes an error of Pebble that reports corruption wrap row.ErrCorrupt, and
// leaves every other as it is.
func Wrap(err error) error {
	if err == nil || errors.Is(err, row.ErrCorrupt) || !pebble.IsCorruptionError(err) {
		return err
	}
	e := &Error{Err: err}
	if info := pebble.ExtractDataCorruptionInfo(err); info != nil {
		e.File = info.Path
	}
	return e
}

// WrapOpen is Wrap for the error of a database that Pebble can't open. What is
// neither the operating system's nor said to be corruption lies in the bytes all the
// same: not every reader of Pebble's says so.
func WrapOpen(err error) error {
	if systemError(err) {
		return err
	}
	if err := Wrap(err); errors.Is(err, row.ErrCorrupt) {
		return err
	}
	return &Error{Err: err}
}

// systemError reports whether the operating system refused something other
// than a file that is not there, which would be corruption.
func systemError(err error) bool {
	var no syscall.Errno
	return errors.As(err, &no) && no != syscall.ENOENT || errors.Is(err, fs.ErrPermission)
}
