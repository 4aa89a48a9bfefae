package disktest

import (
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// Full is a disk that can be made to fail writes with ENOSPC. Closing a file never
// fails: some code does not count on it.
type Full struct {
	vfs.FS

	counts func(errorfs.Op) bool
	mu     sync.Mutex
	at     func(write int) bool // nil: none fails
	writes int                  // since at was set
	failed bool                 // one of them
}

// NewFull wraps a file system. counts says of which writes it takes note; nil: of
// all.
func NewFull(fs vfs.FS, counts func(errorfs.Op) bool) *Full {
	f := &Full{counts: counts}
	f.FS = errorfs.Wrap(fs, errorfs.InjectorFunc(f.fault))
	return f
}

// After lets n writes succeed, and all later ones fail.
func (f *Full) After(n int) { f.set(func(write int) bool { return write > n }) }

// At lets the n-th write from now fail, and no other; the first is 1.
func (f *Full) At(n int) { f.set(func(write int) bool { return write == n }) }

// Mend lets all writes succeed, and reports whether one has failed.
func (f *Full) Mend() (failed bool) { return f.set(nil) }

func (f *Full) set(at func(int) bool) (failed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	failed = f.failed
	f.at, f.writes, f.failed = at, 0, false
	return failed
}

func (f *Full) fault(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite || op.Kind == errorfs.OpFileClose || f.counts != nil && !f.counts(op) {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes++
	if f.at == nil || !f.at(f.writes) {
		return nil
	}
	f.failed = true
	return syscall.ENOSPC
}
