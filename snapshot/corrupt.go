package snapshot

import (
	"errors"
	"fmt"
	"strings"

	"reddot/snapshot/storage"
)

// Errors of what is stored, of snapshots as of single blobs.
var (
	// ErrNotFound is returned for a snapshot that is not there.
	ErrNotFound = storage.ErrNotFound
	// ErrCorrupt is wrapped by every error that says that stored bytes are not
	// what was stored.
	ErrCorrupt = storage.ErrCorrupt
	// ErrNewer is wrapped where stored bytes have a format that only a newer
	// program knows.
	ErrNewer = errors.New("written by a newer reddot; use that one")
)

// Fault is something missing or corrupt in a snapshot.
type Fault struct {
	Blob  string // in the storage; "" for what shows only in the whole
	File  string // of the snapshot; "" for the manifest and for what shows only in the whole
	Piece int    // of the file, from 0
	Err   error  // wraps ErrNotFound, ErrCorrupt, or what the Check said
}

// String names the fault for people.
func (f Fault) String() string {
	switch {
	case f.File == "":
		return f.Err.Error()
	case f.Blob == "":
		return fmt.Sprintf("file %s: %v", f.File, f.Err)
	}
	return fmt.Sprintf("file %s, piece %d (%s): %v", f.File, f.Piece, f.Blob, f.Err)
}

// CorruptError says what is missing or corrupt in a snapshot. It wraps
// ErrCorrupt.
type CorruptError struct {
	ID     string
	Faults []Fault // at least one, the first listedFaults
	More   int     // faults that are not listed
}

// listedFaults is how many faults a CorruptError lists.
const listedFaults = 100

// Error implements error.
func (e *CorruptError) Error() string {
	var texts []string
	for _, f := range e.Faults {
		texts = append(texts, f.String())
	}
	if e.More > 0 {
		texts = append(texts, fmt.Sprintf("and %d more faults", e.More))
	}
	return fmt.Sprintf("snapshot %s is damaged: %s", e.ID, strings.Join(texts, "; "))
}

// Unwrap returns ErrCorrupt and the faults' errors.
func (e *CorruptError) Unwrap() []error {
	errs := []error{ErrCorrupt}
	for _, f := range e.Faults {
		errs = append(errs, f.Err)
	}
	return errs
}

// asCorrupt makes a *CorruptError of the error of a corrupt manifest.
func asCorrupt(id string, err error) error {
	if !errors.Is(err, ErrCorrupt) {
		return err
	}
	return &CorruptError{ID: id, Faults: []Fault{{Blob: manifestsFolder + id, Err: err}}}
}
