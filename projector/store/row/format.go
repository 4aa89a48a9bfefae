package row

import (
	"errors"
	"fmt"
)

// Format is the version of the stored rows. Every row begins with it.
const Format = 4

var (
	// ErrCorrupt is wrapped by the error of whoever meets corruption: bytes that fail
	// their checksum, rows that can't be read, files that are missing, a digest
	// that is not that of the rows. The log has what is needed to build the store
	// from scratch.
	ErrCorrupt = errors.New("the store is damaged")

	// ErrFormat is wrapped by the error of Open for a store of an older format.
	// The log has what is needed to build it from scratch.
	ErrFormat = errors.New("the store has an older format")

	// ErrNewer is wrapped by the error of Open for a store that a newer reddot
	// wrote. It is not to be rebuilt: the newer reddot can use it.
	ErrNewer = errors.New("the store was written by a newer reddot")

	ErrCorruptRow = fmt.Errorf("%w: row is corrupt", ErrCorrupt)
)

// FormatError is what a row of another format is answered with.
func FormatError(format byte) error {
	if format < Format {
		return fmt.Errorf("%w: row has format %d, this reddot writes %d", ErrFormat, format, Format)
	}
	return fmt.Errorf("%w: row has format %d, this reddot knows %d: use the reddot that wrote it, or a newer one",
		ErrNewer, format, Format)
}
