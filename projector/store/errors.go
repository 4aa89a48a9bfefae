package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
)

var (
	// ErrForeign is returned by Open for a store of another stream.
	ErrForeign = errors.New("the store belongs to another stream")

	// ErrClosed is returned to those who read a store that has been closed.
	ErrClosed = errors.New("the store is closed")

	// ErrCorrupt is wrapped by the error of whoever meets damage: bytes that fail
	// their checksum, rows that can't be read, files that are missing, a digest
	// that is not that of the rows. The log has what is needed to build the store
	// anew.
	ErrCorrupt = errors.New("the store is damaged")

	// ErrFormat is wrapped by the error of Open for a store of an older format.
	// The log has what is needed to build it anew.
	ErrFormat = errors.New("the store has an older format")

	// ErrNewer is wrapped by the error of Open for a store that a newer reddot
	// wrote. It is not to be built anew: the newer reddot can use it.
	ErrNewer = errors.New("the store was written by a newer reddot")

	errCorrupt = fmt.Errorf("%w: row is corrupt", ErrCorrupt)
)

// formatError is what a row of another format is answered with.
func formatError(format byte) error {
	if format < Format {
		return fmt.Errorf("%w: row has format %d, this reddot writes %d", ErrFormat, format, Format)
	}
	return fmt.Errorf("%w: row has format %d, this reddot knows %d: use the reddot that wrote it, or a newer one",
		ErrNewer, format, Format)
}

// rowError names the row that an error is about.
func rowError(key []byte, err error) error {
	return fmt.Errorf("%s, key %q: %w", nameRow(key), key, err)
}

// damage is damage that Pebble has met, with the file it is in.
type damage struct {
	file string // "" if Pebble doesn't say
	err  error
}

func (d *damage) Error() string {
	what := ErrCorrupt.Error()
	if d.file != "" {
		what += ": file " + d.file
	}
	// The error that carries the file says so in its text, on a line of its own.
	text, _, _ := strings.Cut(d.err.Error(), "\n")
	return what + ": " + text
}

func (d *damage) Unwrap() []error { return []error{ErrCorrupt, d.err} }

// damaged makes an error of Pebble that tells of damage wrap ErrCorrupt, and
// leaves every other as it is.
func damaged(err error) error {
	if err == nil || errors.Is(err, ErrCorrupt) || !pebble.IsCorruptionError(err) {
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
	if err := damaged(err); errors.Is(err, ErrCorrupt) {
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
