package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/storetest"
)

// TestCorruptInUse: a table of which the middle is corrupt opens, and whoever
// then needs what lies there gets an error that says so and names the file.
func TestCorruptInUse(t *testing.T) {
	r := &rig{t: t}
	r.open(vfs.NewMem())
	everyFamily(r)
	if err := r.store.Flush(); err != nil {
		t.Fatal(err)
	}
	r.do(events.Command{Verb: events.GroupJoin, Inbox: "g", Users: []string{"z"}})
	r.commit()
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
	spoilt, table := storetest.Files(t, r.fs, "store"), ""
	for name, b := range spoilt {
		if kindOfFile(name) == "sst" && len(b) > len(spoilt[table]) {
			table = name
		}
	}
	for at := len(spoilt[table]) / 4; at < len(spoilt[table])*3/4; at += 1000 {
		spoilt[table][at] ^= 1
	}
	for name, do := range map[string]func(*store.Store) error{
		"apply": func(s *store.Store) error {
			for n := range 4200 {
				if err := applying(events.Command{Verb: events.GroupMessage, Inbox: "g", From: "c", ID: fmt.Sprint("m", n)})(s); err != nil {
					return err
				}
			}
			return nil
		},
		"read": reading(func(rows fold.Reader) {
			for pos := fold.Pos(1); pos <= 4200; pos++ {
				rows.Message(fold.GroupKey("g"), pos)
			}
		}),
		"commit after a failed compaction": func(s *store.Store) error {
			if err := s.DB().Compact(context.Background(), []byte{0}, []byte{0xff}, false); err == nil {
				return errors.New("the table was compacted")
			}
			_, err := s.Commit()
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := store.Open(store.Config{Dir: "store", FS: storetest.FolderOf(t, spoilt), Identity: identity})
			if err != nil {
				t.Fatal(err)
			}
			err = do(s)
			if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), table) {
				t.Errorf("error %v does not name %s", err, table)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("error of several lines: %v", err)
			}
			_ = s.Close() // it may fail for the same reason
		})
	}
}

// TestErrorsOfTheDisk: what the operating system refuses is no corruption, or a
// store would be thrown away for a wrong permission.
func TestErrorsOfTheDisk(t *testing.T) {
	r := &rig{t: t}
	r.open(vfs.NewMem())
	everyFamily(r)
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []error{syscall.EIO, syscall.EACCES, syscall.EMFILE, syscall.ENOSPC} {
		for _, kind := range []errorfs.OpKind{errorfs.OpOpen, errorfs.OpFileRead, errorfs.OpFileReadAt, errorfs.OpList} {
			fs := errorfs.Wrap(storetest.FolderOf(t, storetest.Files(t, r.fs, "store")), errorfs.InjectorFunc(func(op errorfs.Op) error {
				if op.Kind == kind {
					return want
				}
				return nil
			}))
			_, err := store.Open(store.Config{Dir: "store", FS: fs, Identity: identity})
			if err == nil || errors.Is(err, store.ErrCorrupt) || !errors.Is(err, want) {
				t.Errorf("open, and operation %d fails with %q: %v", kind, want, err)
			}
		}
	}
}
