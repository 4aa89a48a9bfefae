package store_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/store"
	"reddot/projector/store/generation"
	"reddot/projector/testkit"
	"reddot/projector/twin"
)

const swapDir = "data/store"

// swapping is a run in which stores are built beside the current one, and take
// its place.
type swapping struct {
	*rig
	crashes crashes
	folder  *generation.Folder
	digests map[events.Seq]events.Digest // by commit
}

// begin opens a new generation.
func (s *swapping) begin() string {
	path, err := s.folder.New()
	if err != nil {
		s.t.Fatal(err)
	}
	s.store = openAt(s.t, s.disk, path)
	return path
}

func openFolder(t *testing.T, fs vfs.FS) *generation.Folder {
	t.Helper()
	f, err := generation.Open(fs, swapDir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func openAt(t *testing.T, fs vfs.FS, path string) *store.Store {
	t.Helper()
	st, err := store.Open(store.Config{Dir: path, FS: fs, Identity: identity})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// fold folds the commands from the position of the store up to seq.
func (s *swapping) fold(to events.Seq) {
	for seq := s.store.Position().Applied + 1; seq <= to; seq++ {
		if s.log[seq-1].Command.Verb == events.UserErase { // it commits what came before it
			s.commit()
			s.digests[seq-1] = s.store.Position().Digest()
		}
		s.apply(seq)
		if s.rng.IntN(5) == 0 || seq == to {
			s.commit()
			s.digests[seq] = s.store.Position().Digest()
		}
		if err := s.crashes.know(s.store, 0); err != nil {
			s.t.Fatal(err)
		}
	}
}

// use makes the store the current one, as the projector does.
func (s *swapping) use(path string) {
	if err := errors.Join(s.store.Flush(), s.folder.Use(path)); err != nil {
		s.t.Fatal(err)
	}
	s.crashes.used(path)
	if err := s.crashes.know(s.store, 0); err != nil {
		s.t.Fatal(err)
	}
}

// TestCrashAtEverySwap crashes the machine at every write of a run that builds
// a store, builds another beside it, swaps them and cleans up. What is left has
// the old store or the new one, whole and not older than what was durable, and
// folding on from there gives the same digest.
func TestCrashAtEverySwap(t *testing.T) {
	testkit.Unraced(t)
	const commands = 80
	seed := testkit.Seed(t)
	c := newCrashes(seed)
	s := &swapping{
		rig:     &rig{t: t, fs: c.Memory(), rng: rand.New(rand.NewPCG(seed, 1)), disk: c.Disk()},
		crashes: c, digests: map[events.Seq]events.Digest{},
	}
	g := forgetful{twin.NewGenerator(seed, twin.Config{}), s.rng, []string{"a", "b"}, 50}
	for seq := events.Seq(1); seq <= commands; seq++ {
		e := store.Entry{Seq: seq}
		g.Next(&e.Command)
		e.Time = g.Now()
		s.log = append(s.log, e)
	}
	s.folder = openFolder(t, s.disk)
	first := s.begin()
	s.digests[0] = s.store.Position().Digest()
	s.use(first)
	s.fold(commands / 2)
	old := s.store
	s.begin() // which is not finished
	s.fold(10)
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	second := s.begin()
	s.crashes.used(first)
	s.fold(commands / 2)
	s.use(second)
	if err := errors.Join(old.Close(), s.folder.Clean()); err != nil {
		t.Fatal(err)
	}
	s.fold(commands)
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d crashes", len(c.Points()))
	for _, p := range c.Points() {
		crash{p}.checkSwap(t, s.log, s.digests)
	}
}

// checkSwap goes on from what a crash left, as a projector that starts does.
func (p crash) checkSwap(t *testing.T, log []store.Entry, digests map[events.Seq]events.Digest) {
	f := openFolder(t, p.Left)
	path, ok := f.Current()
	if !ok || path < p.Known.current {
		if p.Known.current != "" {
			t.Fatalf("%s: %s was current, and is %q, %v", p.Write, p.Known.current, path, ok)
		}
		var err error
		if path, err = f.New(); err != nil {
			t.Fatal(err)
		}
	}
	r := &rig{t: t, log: log, store: openAt(t, p.Left, path)}
	at := r.store.Position()
	if digest, ok := digests[at.Applied]; !ok || digest != at.Digest() || path == p.Known.current && at.Applied < p.Known.durable {
		t.Fatalf("%s: %s opens at seq %d with digest %s, %d was durable; that commit's digest: %s",
			p.Write, path, at.Applied, at.Digest(), p.Known.durable, digest)
	}
	for seq := at.Applied + 1; int(seq) <= len(log); seq++ {
		r.apply(seq)
	}
	r.commit()
	if r.store.Position().Digest() != digests[events.Seq(len(log))] {
		t.Fatalf("%s: from seq %d on, another digest", p.Write, at.Applied)
	}
	if err := errors.Join(r.store.Flush(), f.Use(path), f.Clean(), r.store.Close()); err != nil {
		t.Fatalf("%s: %v", p.Write, err)
	}
	if names, err := p.Left.List(swapDir); err != nil || len(names) != 2 {
		t.Errorf("%s: %q are left", p.Write, names)
	}
}
