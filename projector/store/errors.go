package store

import (
	"errors"
	"fmt"

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
