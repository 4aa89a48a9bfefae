package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// MaxBlob is the most bytes of one blob. It bounds memory and the bytes in
// flight to a storage far away.
const MaxBlob = 8 << 20

var (
	// ErrNotFound is returned for a blob that is not there.
	ErrNotFound = errors.New("not found")
	// ErrCorrupt is wrapped by every error that says that stored bytes are not
	// what was stored.
	ErrCorrupt = errors.New("damaged")
)

// Storage keeps named blobs of at most MaxBlob bytes. A name is two words of
// lower-case letters, digits and hyphens with a slash between. Implementations
// may be used by any number of goroutines, and by several processes at once.
type Storage interface {
	// Put stores a blob, in place of one of that name. It is whole and as
	// durable as the storage makes things when Put returns; of an interrupted
	// Put nothing is seen. The bytes of data are no longer the caller's.
	Put(ctx context.Context, name string, data []byte) error
	// Get returns a blob. Errors: ErrNotFound, ErrCorrupt. It need not find all
	// corruption: the bytes of every blob can be checked by themselves.
	Get(ctx context.Context, name string) ([]byte, error)
	// List returns the blobs whose names begin with prefix, in the order of
	// their names. A listing that has a blob also shows all that was put and
	// deleted before that blob was put. It need not be of one moment.
	List(ctx context.Context, prefix string) ([]Blob, error)
	// Delete removes blobs, in that order; those that are not there are no
	// error. The removal is durable when it returns.
	Delete(ctx context.Context, names ...string) error
	// Sweep frees the space of what interrupted Puts and Deletes left before
	// that time.
	Sweep(ctx context.Context, before time.Time) error
	// String names the storage for people.
	String() string
}

// Blob is a blob in a listing.
type Blob struct {
	Name     string
	Size     uint64
	Modified time.Time // of the storage's clock
}

// checkBlob refuses what is not a blob.
func checkBlob(name string, data []byte) error {
	if err := checkName(name); err != nil {
		return err
	}
	if len(data) > MaxBlob {
		return fmt.Errorf("store %s: %d bytes are more than a blob may have", name, len(data))
	}
	return nil
}

// checkName refuses names that could mean something to a storage.
func checkName(name string) error {
	folder, base, ok := strings.Cut(name, "/")
	if !ok || !isWord(folder) || !isWord(base) {
		return fmt.Errorf("%q is not the name of a blob", name)
	}
	return nil
}

func isWord(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != ""
}
