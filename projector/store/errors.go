package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"reddot/projector/store/row"
)

var (
	// ErrForeign is returned by Open for a store of another stream.
	ErrForeign = errors.New("the store belongs to another stream")

	// ErrClosed is returned to those who read a store that has been closed.
	ErrClosed = errors.New("the store is closed")

	// ErrCorrupt, ErrFormat and ErrNewer are those of package row.
	ErrCorrupt = row.ErrCorrupt
	ErrFormat  = row.ErrFormat
	ErrNewer   = row.ErrNewer
)

// Format is the version of the stored rows.
const Format = row.Format

// rowError names the row that an error is about.
func rowError(key []byte, err error) error {
	return fmt.Errorf("%s, key %q: %w", AllFamilies().Name(key), key, err)
}

// damage is damage that Pebble has met, with the file it is in.
type damage struct {
	file string // "" if Pebble doesn't say
	err  error
}

func (d *damage) Error() string {
	what := row.ErrCorrupt.Error()
	if d.file != "" {
		what += ": file " + d.file
	}
	// The error that carries the file says so in its text, on a line of its own.
	text, _, _ := strings.Cut(d.err.Error(), "\n")
	return what + ": " + text
}

func (d *damage) Unwrap() []error { return []error{row.ErrCorrupt, d.err} }

// damaged makes an error of Pebble that tells of damage wrap ErrCorrupt, and
// leaves every other as it is.
func damaged(err error) error {
	if err == nil || errors.Is(err, row.ErrCorrupt) || !pebble.IsCorruptionError(err) {
		return err
	}
	d := &damage{err: err}
	if info := pebble.ExtractDataCorruptionInfo(err); info != nil {
		d.file = info.Path
	}
	return d
}

// unopened is the error of a database that Pebble can't open. What is neither
// the operating system's nor said to be damage lies in the bytes all the same:
// not every reader of Pebble's says so.
func unopened(err error) error {
	if systemError(err) {
		return err
	}
	if err := damaged(err); errors.Is(err, row.ErrCorrupt) {
		return err
	}
	return &damage{err: err}
}

// systemError reports whether the operating system refused something other
// than a file that is not there, which would be damage.
func systemError(err error) bool {
	var no syscall.Errno
	return errors.As(err, &no) && no != syscall.ENOENT || errors.Is(err, fs.ErrPermission)
}
