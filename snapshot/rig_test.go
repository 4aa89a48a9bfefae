package snapshot_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/snapshot"
	"reddot/snapshot/storage"
)

var stream = events.StreamID{Name: "TEST_COMMANDS", Created: time.Unix(1700000000, 5).UTC()}

// storeFormat is the format of the tests' stores.
const storeFormat = 7

// rows is a store: a Pebble database with random rows, its position and a
// digest, which is the sum of the rows' hashes.
type rows struct {
	fs  vfs.FS
	db  *pebble.DB
	rng *rand.Rand

	mu    sync.Mutex // Apply against Checkpoint and Applied
	state snapshot.State
	fault error // of Checkpoint
}

var positionKey = []byte("position")

func openRows(t testing.TB, fs vfs.FS, dir string, of events.StreamID, seed uint64) *rows {
	t.Helper()
	db, err := pebble.Open(dir, &pebble.Options{
		FS: fs, DisableWAL: true, DisableAutomaticCompactions: true, Logger: quiet{},
		FormatMajorVersion: pebble.FormatNewest, L0StopWritesThreshold: 1_000_000,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return &rows{fs: fs, db: db, rng: rand.New(rand.NewPCG(seed, 1)), state: snapshot.State{Stream: of, Format: storeFormat}}
}

// apply adds rows of size random bytes; each is a command.
func (s *rows) apply(t testing.TB, n, size int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		key := fmt.Appendf(nil, "row %08d", s.state.Seq)
		value := make([]byte, size)
		for i := 0; i+8 <= size; i += 8 {
			binary.LittleEndian.PutUint64(value[i:], s.rng.Uint64())
		}
		if err := s.db.Set(key, value, pebble.NoSync); err != nil {
			t.Fatal(err)
		}
		s.state.Seq++
		s.state.Digest += hashRow(key, value)
	}
	position := binary.BigEndian.AppendUint64(nil, uint64(s.state.Seq))
	position = binary.BigEndian.AppendUint64(position, uint64(s.state.Digest))
	position = binary.BigEndian.AppendUint64(position, uint64(s.state.Stream.Created.UnixNano()))
	position = append(position, s.state.Stream.Name...)
	if err := s.db.Set(positionKey, position, pebble.NoSync); err != nil {
		t.Fatal(err)
	}
}

// compact leaves few files.
func (s *rows) compact(t testing.TB) {
	t.Helper()
	if err := s.db.Compact(context.Background(), []byte{0}, []byte{255}, false); err != nil {
		t.Fatal(err)
	}
}

func hashRow(key, value []byte) events.Digest {
	return events.Digest(xxhash.Sum64(append(append([]byte(nil), key...), value...)))
}

// Applied implements snapshot.Source.
func (s *rows) Applied() events.Seq {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Seq
}

// Checkpoint implements snapshot.Source.
func (s *rows) Checkpoint(dir string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != nil {
		return s.fault
	}
	if err := s.db.Flush(); err != nil {
		return err
	}
	return s.db.Checkpoint(dir)
}

// fail makes every Checkpoint fail.
func (s *rows) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = err
}

// LogTime implements snapshot.Source.
func (s *rows) LogTime(_ context.Context, seq events.Seq) (time.Time, error) {
	return time.Unix(1700000000+int64(seq), 7), nil
}

// checkRows is the snapshot.Check of such a store.
func checkRows(fs vfs.FS) snapshot.Check {
	return func(ctx context.Context, dir string, progress func(uint64)) (state snapshot.State, err error) {
		db, err := pebble.Open(dir, &pebble.Options{FS: fs, ReadOnly: true, ErrorIfNotExists: true, Logger: quiet{}})
		if err != nil {
			return state, err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		var sum events.Digest
		n := uint64(0)
		it, err := db.NewIter(nil)
		if err != nil {
			return state, err
		}
		defer func() { err = errors.Join(err, it.Close()) }()
		for it.First(); it.Valid(); it.Next() {
			if string(it.Key()) == string(positionKey) {
				v := it.Value()
				state.Seq, state.Digest = events.Seq(binary.BigEndian.Uint64(v)), events.Digest(binary.BigEndian.Uint64(v[8:]))
				state.Stream = events.StreamID{Name: string(v[24:]), Created: time.Unix(0, int64(binary.BigEndian.Uint64(v[16:])))}
				continue
			}
			sum += hashRow(it.Key(), it.Value())
			n++
			progress(n)
		}
		if err := it.Error(); err != nil {
			return state, err
		}
		if state.Digest != sum || n != uint64(state.Seq) {
			return state, fmt.Errorf("%d rows with digest %s, the position says %d with %s", n, sum, state.Seq, state.Digest)
		}
		state.Format = storeFormat
		return state, ctx.Err()
	}
}

// quiet is a logger for Pebble.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf(format, args...))
}

// rig is a repository with a store to take snapshots of.
type rig struct {
	t       testing.TB
	fs      vfs.FS
	storage storage.Storage
	repo    *snapshot.Repository
	rows    *rows
	log     *testkit.Buffer
	dirs    int // restored into so far
}

// newRig returns a repository in a folder of fs, or in storage if it is given.
func newRig(t testing.TB, fs vfs.FS, place storage.Storage) *rig {
	t.Helper()
	if place == nil {
		place = storage.NewFolder(fs, "data/snapshots")
	}
	r := &rig{t: t, fs: fs, storage: place, log: new(testkit.Buffer)}
	if err := fs.MkdirAll("data/store", 0o755); err != nil {
		t.Fatal(err)
	}
	r.rows = openRows(t, fs, "data/store/1", stream, 1)
	r.repo = r.open("owner")
	return r
}

// open opens the repository as another process would.
func (r *rig) open(owner string) *snapshot.Repository {
	r.t.Helper()
	repo, err := openRepository(r.fs, r.storage, owner, r.log)
	if err != nil {
		r.t.Fatal(err)
	}
	return repo
}

func openRepository(fs vfs.FS, place storage.Storage, owner string, log io.Writer) (*snapshot.Repository, error) {
	return snapshot.Open(context.Background(), snapshot.Config{
		Storage: place, Check: checkRows(fs), FS: fs, Scratch: "data/scratch-" + owner, Owner: owner, Program: "test",
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
}

// create applies commands and takes a snapshot.
func (r *rig) create(commands int) snapshot.Created {
	r.t.Helper()
	r.rows.apply(r.t, commands, 100)
	c, err := r.repo.Create(testkit.Context(r.t), r.rows, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// list lists the snapshots.
func (r *rig) list() []snapshot.Entry {
	r.t.Helper()
	entries, err := r.repo.List(testkit.Context(r.t))
	if err != nil {
		r.t.Fatal(err)
	}
	return entries
}

// seqs are the seqs of the snapshots, newest first.
func (r *rig) seqs() (seqs []events.Seq) {
	r.t.Helper()
	for _, e := range r.list() {
		if e.Err != nil {
			r.t.Fatal(e.Err)
		}
		seqs = append(seqs, e.Seq)
	}
	return seqs
}

// restore restores into a new folder.
func (r *rig) restore(want snapshot.Want) (*snapshot.Manifest, string, error) {
	r.t.Helper()
	r.dirs++
	dir := fmt.Sprintf("data/store/restored-%d", r.dirs)
	want.Stream = stream
	m, err := r.repo.Restore(testkit.Context(r.t), want, dir, nil)
	if names, e := r.fs.List(dir); err != nil && e == nil {
		r.t.Errorf("a restore that failed left %v", names)
	}
	return m, dir, err
}

// blobs lists the storage.
func (r *rig) blobs(prefix string) []string {
	r.t.Helper()
	blobs, err := r.storage.List(testkit.Context(r.t), prefix)
	if err != nil {
		r.t.Fatal(err)
	}
	var names []string
	for _, b := range blobs {
		names = append(names, b.Name)
	}
	return names
}

// alter changes the bytes of a blob behind the storage's back.
func (r *rig) alter(name string, change func([]byte) []byte) {
	r.t.Helper()
	alterFile(r.t, r.fs, "data/snapshots/"+name, change)
}

func alterFile(t testing.TB, fs vfs.FS, path string, change func([]byte) []byte) {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if f, err = fs.Create(path, vfs.WriteCategoryUnspecified); err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(change(data))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// flip flips a bit.
func flip(bit int) func([]byte) []byte {
	return func(data []byte) []byte {
		data[bit/8] ^= 1 << (bit % 8)
		return data
	}
}

// checkClean fails if an operation left something in scratch, or a pin.
func (r *rig) checkClean() {
	r.t.Helper()
	if names, err := r.fs.List("data/scratch-owner"); err == nil && len(names) > 0 {
		r.t.Errorf("left in scratch: %v", names)
	}
	if pins := r.blobs("pins/"); len(pins) > 0 {
		r.t.Errorf("left: %v", pins)
	}
}
