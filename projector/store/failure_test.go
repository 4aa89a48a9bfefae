package store_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/testkit/disktest"
)

// TestDiskFull fills the disk under a store: the next commits or the close
// say so, none of them hangs, and after the disk is mended the store opens at
// an earlier position and folds on to the same digest.
func TestDiskFull(t *testing.T) {
	mem := vfs.NewMem()
	disk := disktest.NewFull(mem, nil)
	open := func(fs vfs.FS) *store.Store {
		s, err := store.Open(store.Config{Dir: "store", FS: fs, Identity: identity})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open(disk)
	var fx fold.Effects
	apply := func(s *store.Store, seq events.Seq) {
		w := newWorkload(uint64(seq))
		e := store.Entry{Seq: seq, Time: events.Time(seq), Command: w.next()}
		if err := s.Apply(&e, &fx); err != nil {
			t.Fatal(err)
		}
	}
	seq := events.Seq(0)
	for range 500 {
		seq++
		apply(s, seq)
	}
	if _, err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	digest := s.Position().Digest()
	disk.After(0)
	if err := s.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("close on a full disk: %v", err)
	}
	disk.Mend()
	s = open(disk)
	if s.Position().Applied == seq {
		t.Error("the store holds what it could not write")
	}
	for s.Position().Applied < seq {
		apply(s, s.Position().Applied+1)
	}
	if _, err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := s.Position().Digest(); got != digest {
		t.Errorf("digest %s after the disk was mended, %s before", got, digest)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
