package snapshot_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/snapshot"
)

// plain is a store that is nothing but files, for tests with many bytes. Its
// position is the number of its files, its digest the hash of all.
type plain struct {
	fs    vfs.FS
	files []string
	bytes map[string][]byte
}

// add adds a file of random bytes.
func (s *plain) add(name string, size int) {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(len(s.files))}).Read(data) // never fails
	if s.bytes == nil {
		s.bytes = make(map[string][]byte)
	}
	s.files = append(s.files, name)
	s.bytes[name] = data
}

// Applied implements snapshot.Source.
func (s *plain) Applied() events.Seq { return events.Seq(len(s.files)) }

// Checkpoint implements snapshot.Source.
func (s *plain) Checkpoint(dir string) error {
	if err := s.fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, data := range s.bytes {
		f, err := s.fs.Create(s.fs.PathJoin(dir, name), vfs.WriteCategoryUnspecified)
		if err != nil {
			return err
		}
		_, err = f.Write(append([]byte(nil), data...))
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// LogTime implements snapshot.Source.
func (s *plain) LogTime(context.Context, events.Seq) (time.Time, error) { return time.Time{}, nil }

// check is its snapshot.Check.
func (s *plain) check(_ context.Context, dir string, _ func(uint64)) (snapshot.State, error) {
	state := snapshot.State{Stream: stream}
	for _, name := range s.files {
		f, err := s.fs.Open(s.fs.PathJoin(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return state, err
		}
		data, err := io.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil {
			return state, err
		}
		state.Seq++
		state.Digest += events.Digest(xxhash.Sum64(data))
	}
	return state, nil
}

// plain makes the repository one for such stores, and returns one.
func (r *rig) plain() *plain {
	r.t.Helper()
	s := &plain{fs: r.fs}
	repo, err := snapshot.Open(context.Background(), snapshot.Config{
		Storage: r.storage, Check: s.check, FS: r.fs, Scratch: "data/scratch-owner",
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.repo = repo
	return s
}
