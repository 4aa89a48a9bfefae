package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Spoil changes a row of the store whose files lie in a folder, and which nobody has
// open. change is given the stored value, nil if there is none; if it returns nil,
// the row is deleted. The digest that the store has kept up stays as it was. fs nil
// is the operating system's.
func Spoil(tb testing.TB, fs vfs.FS, dir string, key []byte, change func(value []byte) []byte) {
	tb.Helper()
	if fs == nil {
		fs = vfs.Default
	}
	db, err := pebble.Open(dir, &pebble.Options{FS: fs, DisableWAL: true, Logger: quiet{}})
	if err != nil {
		tb.Fatal(err)
	}
	if err := errors.Join(spoil(db, key, change), db.Flush(), db.Close()); err != nil {
		tb.Fatal(err)
	}
}

func spoil(db *pebble.DB, key []byte, change func([]byte) []byte) error {
	var value []byte
	stored, closer, err := db.Get(key)
	if err == nil {
		value = slices.Clone(stored)
		err = closer.Close()
	}
	if err != nil && !errors.Is(err, pebble.ErrNotFound) {
		return err
	}
	if value = change(value); value == nil {
		return db.Delete(key, pebble.NoSync)
	}
	return db.Set(key, value, pebble.NoSync)
}

// quiet drops Pebble's log, and ends the test where Pebble would end the process.
type quiet struct{}

func (quiet) Infof(string, ...any) {}

func (quiet) Errorf(string, ...any) {}

func (quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
