package loop_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"reddot/events"
	"reddot/projector/loop"
	"reddot/projector/store"
	"reddot/projector/testkit"
)

// TestSwap builds store after store while batches are folded, and puts each in the place
// of the one before. Readers who take snapshots all the time see the states of a clean
// fold, none older than one before, and what is emitted is never forgotten.
func TestSwap(t *testing.T) {
	t.Parallel()
	s := newScript(t, testkit.Effort(300))
	fs := vfs.NewMem()
	l := newLoop(t, openStore(t, fs, "0"))
	var driving sync.Mutex
	ended := make(chan struct{})
	var readers, builder sync.WaitGroup
	for range 2 {
		readers.Go(func() { read(t, l, s, ended) })
	}
	swapped := make(chan struct{}, 1)
	builder.Go(func() {
		for dir := 1; ; dir++ {
			select {
			case <-ended:
				return
			default:
			}
			next := openStore(t, fs, fmt.Sprint(dir))
			// The script itself draws for one goroutine only.
			log := &script{entries: s.entries, batches: func() int { return 7 }}
			if err := replace(t.Context(), l, log, next, &driving); err != nil {
				t.Errorf("swap %d: %v", dir, err)
				return
			}
			select {
			case swapped <- struct{}{}:
			default:
			}
		}
	})
	nextSwap := s.last() / 5
	for at := events.Seq(0); at < s.last(); {
		driving.Lock()
		n := min(s.batches(), int(s.last()-at))
		step(t, l, s.entries[at:int(at)+n])
		driving.Unlock()
		at += events.Seq(n)
		l.SetEmitted(at - 1)
		if at > nextSwap {
			testkit.Receive(t, "a swap", swapped)
			nextSwap += s.last() / 5
		}
	}
	close(ended)
	builder.Wait()
	readers.Wait()
	testkit.OK(t, l.Finish())
	if got := testkit.Must(l.Emitted())(t); got != s.last()-1 {
		t.Errorf("the store in use knows %d to be emitted, not %d", got, s.last()-1)
	}
}

// replace puts a store that is built in the place of the one in use.
func replace(ctx context.Context, l *loop.Loop, log loop.Log, next *store.Store, driving *sync.Mutex) error {
	if err := l.CatchUp(ctx, log, next, 5, nil); err != nil {
		return err
	}
	driving.Lock()
	defer driving.Unlock()
	if err := loop.Build(ctx, log, next, l.Position().Applied, nil); err != nil {
		return err
	}
	if differs, err := l.Compare(next); differs || err != nil {
		return fmt.Errorf("differs: %v, %w", differs, err)
	}
	l.Swap(next)
	return nil
}

// read takes snapshots.
func read(t *testing.T, l *loop.Loop, s *script, ended <-chan struct{}) {
	for before := events.Seq(0); ; {
		snap, err := l.Snapshot()
		if err != nil {
			t.Error(err)
			return
		}
		at := snap.Position()
		if at.Applied < before || at.Digest() != s.digests[at.Applied] {
			t.Errorf("after %d a snapshot shows %d, with digest %s", before, at.Applied, at.Digest())
		}
		before = at.Applied
		if err := snap.Close(); err != nil {
			t.Error(err)
		}
		select {
		case <-ended:
			return
		default:
		}
	}
}

// TestSwapRefuses: a store at another position, or of other commands, does not take the
// place of the one in use; one whose rows differ is said to differ.
func TestSwapRefuses(t *testing.T) {
	t.Parallel()
	script := newScript(t, 30)
	l := newLoop(t, openStore(t, vfs.NewMem(), "store"))
	step(t, l, script.entries[:20])
	build := func(entries []store.Entry) *store.Store {
		s := openStore(t, vfs.NewMem(), "store")
		step(t, newLoop(t, s), entries)
		return s
	}
	altered := append([]store.Entry(nil), script.entries[:20]...)
	altered[3].Sum++
	other := append([]store.Entry(nil), script.entries[:20]...)
	other[19].Invalid = "not read"
	for name, test := range map[string]struct {
		next    *store.Store
		err     error
		differs bool
	}{
		"behind":                       {next: build(script.entries[:19]), err: loop.ErrPhase},
		"ahead":                        {next: build(script.entries[:21]), err: loop.ErrPhase},
		"of other commands":            {next: build(altered), err: loop.ErrAltered},
		"of the same":                  {next: build(script.entries[:20])},
		"of the same, and other rows ": {next: build(other), differs: true},
	} {
		differs, err := l.Compare(test.next)
		if differs != test.differs || !errors.Is(err, test.err) {
			t.Errorf("%s: %v, %v", name, differs, err)
		}
	}
	if next := build(script.entries[:20]); l.Swap(next) == next || l.Store() != next {
		t.Error("the store in use is another one")
	}
}
