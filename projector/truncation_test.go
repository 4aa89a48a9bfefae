package projector_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/log"
	"reddot/projector/loop"
	"reddot/projector/store"
	"reddot/projector/store/generation"
	"reddot/projector/testkit"
)

// moment is a copy of the files at one time.
type moment struct{ commands, events, store string }

// powerCut is what the disk holds of two moments, the bus being stopped.
type powerCut struct {
	*bus
	dir             string
	early, late     moment
	kept, published events.Seq // the last seqs of the moments
}

// newPowerCut runs a projector and takes the files at two moments.
func newPowerCut(t *testing.T) *powerCut {
	c := &powerCut{bus: newBus(t), dir: filepath.Join(t.TempDir(), "store")}
	a := c.author()
	take := func(m *moment) events.Seq {
		p := c.run(c.dir)
		for i := range 60 {
			a.message(member(i%20), "sender", fmt.Sprint("m", a.last()))
		}
		p.settle(a.flush())
		p.stop()
		c.Stop()
		for name, to := range c.parts(m) {
			*to = filepath.Join(t.TempDir(), "part")
			testkit.OK(t, os.CopyFS(*to, os.DirFS(name)))
		}
		c.restart()
		return a.last()
	}
	c.kept = take(&c.early)
	c.published = take(&c.late)
	c.authors = nil
	return c
}

// parts are the folders that a moment has copies of.
func (c *powerCut) parts(m *moment) map[string]*string {
	streams := filepath.Join(c.Options.StoreDir, "jetstream", "$G", "streams")
	return map[string]*string{
		filepath.Join(streams, c.subjects.CommandStream()): &m.commands,
		filepath.Join(streams, c.subjects.EventStream()):   &m.events,
		c.dir: &m.store,
	}
}

// restore puts the parts of a moment in their places.
func (c *powerCut) restore(m moment) {
	c.t.Helper()
	c.Stop()
	for name, from := range c.parts(&m) {
		testkit.OK(c.t, os.RemoveAll(name))
		testkit.OK(c.t, os.CopyFS(name, os.DirFS(*from)))
	}
	c.restart()
	c.js = c.JetStream()
}

// write publishes commands, as one does who does not wait for reddot.
func (c *powerCut) write(id string, n int) events.Seq {
	c.t.Helper()
	last := events.Seq(0)
	for i := range n {
		payload := fmt.Appendf(nil, `{"id":"%s%d","from":"sender"}`, id, i)
		last = events.Seq(testkit.Must(c.js.Publish(testkit.Context(c.t), "unread.cmd.user."+member(i%20)+".message", payload))(c.t).Sequence)
	}
	return last
}

// log is the command stream as it is now.
func (b *bus) log() *log.Log {
	b.t.Helper()
	return testkit.Must(log.Find(testkit.Context(b.t), b.js, b.subjects, slog.New(slog.DiscardHandler)))(b.t)
}

func (c *powerCut) find() *log.TruncatedError {
	c.t.Helper()
	return testkit.Must(projector.FindTruncation(testkit.Context(c.t), c.log(), c.js, c.dir))(c.t)
}

// digest folds the log into a new store.
func (c *powerCut) digest(upto events.Seq) events.Digest {
	c.t.Helper()
	log := c.log()
	s := testkit.Must(store.Open(store.Config{Dir: c.t.TempDir(), Identity: log.Identity()}))(c.t)
	defer func() { testkit.OK(c.t, s.Close()) }()
	testkit.OK(c.t, loop.Build(testkit.Context(c.t), log, s, upto, nil))
	return s.Position().Digest()
}

// TestTruncatedLog starts on what a power cut, or a restored backup, may leave: a log
// that lacks commands from which something is derived. It is found and named. When
// it is accepted, the state is that of the log, no seq is given twice, and
// events go on.
func TestTruncatedLog(t *testing.T) {
	t.Parallel()
	c := newPowerCut(t)
	early, late := c.early, c.late
	for name, test := range map[string]struct {
		left    moment
		written int    // commands meanwhile
		says    string // "": all is well
	}{
		"whole":                    {left: late},
		"all earlier":              {left: early},
		"store behind":             {left: moment{late.commands, late.events, early.store}},
		"events behind":            {left: moment{late.commands, early.events, late.store}},
		"store ahead":              {left: moment{early.commands, early.events, late.store}, says: "ends at seq 60, but the store was made of the commands up to seq 120"},
		"events ahead":             {left: moment{early.commands, late.events, early.store}, says: "of UNREAD_EVENTS, was made of the commands up to seq 120"},
		"both ahead":               {left: moment{early.commands, late.events, late.store}, says: "ends at seq 60, but the store was made of the commands up to seq 120"},
		"written on a little":      {left: moment{early.commands, late.events, late.store}, written: 10, says: "ends at seq 70"},
		"written on, store ahead":  {left: moment{early.commands, early.events, late.store}, written: 80, says: "seq 120 is not the command of which the store was made"},
		"written on, events ahead": {left: moment{early.commands, late.events, early.store}, written: 80, says: "seq 120 is not the command of which the newest event, "},
		"written on, both ahead":   {left: moment{early.commands, late.events, late.store}, written: 80, says: "seq 120 is not the command"},
	} {
		t.Run(name, func(t *testing.T) {
			c.restore(test.left)
			if test.written > 0 {
				c.write("other", test.written)
			}
			found := c.find()
			if test.says == "" {
				if found.Derived != 0 {
					t.Fatalf("it is found to be truncated: %v", found)
				}
				return
			}
			testkit.WantError(t, found, log.ErrNotWhole, test.says, "reddot serve --accept-truncation")
			testkit.OK(t, projector.AcceptTruncation(testkit.Context(t), c.log(), c.js, c.dir, found, nil))
			if again := c.find(); again.Derived != 0 {
				t.Fatalf("it is found again: %v", again)
			}
			p := c.run(c.dir)
			next := c.write("new", 40)
			if next <= found.Derived {
				t.Errorf("seq %d is given again, something is derived up to %d", next, found.Derived)
			}
			p.settle(next)
			status := p.status()
			p.stop()
			if want := c.digest(next); status.Digest != want {
				t.Errorf("the digest is %s, the log's is %s", status.Digest, want)
			}
			// Whoever followed the events that are left sees nothing go back.
			l := newLedger(t)
			for _, s := range c.storedEvents(1) {
				l.enter(&s)
			}
			v := testkit.Must(projector.NewView(c.open(t)))(t)
			defer v.Close()
			for i := range 20 {
				if got, want := l.users[member(i)].version, testkit.Must(v.Totals(member(i), events.TotalsRequest{}))(t).Version; got != want {
					t.Errorf("%s was notified of version %d, has %d", member(i), got, want)
				}
			}
		})
	}
}

// open opens the store in use, the projector being stopped.
func (c *powerCut) open(t *testing.T) *store.Store {
	t.Helper()
	folder := testkit.Must(generation.Open(nil, c.dir))(t)
	path, ok := folder.Current()
	if !ok {
		t.Fatal("there is no store")
	}
	info := testkit.Must(store.Inspect(nil, path))(t)
	s := testkit.Must(store.Open(store.Config{Dir: path, Identity: info.Identity}))(t)
	t.Cleanup(func() { testkit.OK(t, s.Close()) })
	return s
}

// TestTruncatedUnderStore opens a projector on a log that lacks what its store has,
// and cuts the log of a running one.
func TestTruncatedUnderStore(t *testing.T) {
	c := newPowerCut(t)
	c.restore(moment{c.early.commands, c.early.events, c.late.store})
	testkit.WantError(t, c.refused(c.dir), log.ErrNotWhole, "ends at seq 60", "up to seq 120", "--accept-truncation")
	c.write("other", 80)
	testkit.WantError(t, c.refused(c.dir), log.ErrNotWhole, "seq 120 is not the command", "--accept-truncation")
}
