package projector_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/log"
	"reddot/projector/store"
	"reddot/projector/testkit"
)

// refused opens a projector that must not open, and returns why.
func (b *bus) refused(dir string, change ...func(*projector.Config)) error {
	b.t.Helper()
	cfg := projector.Config{
		Conn: b.Connect(), Subjects: b.subjects, Dir: dir, Logger: slog.New(slog.DiscardHandler), FanoutLimit: 1_000,
	}
	for _, f := range change {
		f(&cfg)
	}
	p, err := projector.Open(testkit.Context(b.t), cfg)
	if err == nil {
		b.t.Error("the projector opens")
		if err := p.Close(); err != nil {
			b.t.Error(err)
		}
		return errors.New("none")
	}
	return err
}

// TestDriftedStream finds a command stream that could lose commands: the
// projector does not open, and says which field must be what.
func TestDriftedStream(t *testing.T) {
	b := newBus(t)
	for field, drift := range map[string]func(*jetstream.StreamConfig){
		"subjects":             func(c *jetstream.StreamConfig) { c.Subjects = append(c.Subjects, "other.>") },
		"retention":            func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy },
		"storage":              func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"max_msgs":             func(c *jetstream.StreamConfig) { c.MaxMsgs = 1_000_000 },
		"max_bytes":            func(c *jetstream.StreamConfig) { c.MaxBytes = 1 << 30 },
		"max_age":              func(c *jetstream.StreamConfig) { c.MaxAge = 1000 * time.Hour },
		"max_msgs_per_subject": func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 },
		"max_msg_size":         func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1024 },
		"deny_delete":          func(c *jetstream.StreamConfig) { c.DenyDelete = false },
		"allow_rollup_hdrs":    func(c *jetstream.StreamConfig) { c.AllowRollup = true },
		"allow_msg_ttl":        func(c *jetstream.StreamConfig) { c.AllowMsgTTL = true },
		"allow_msg_counter":    func(c *jetstream.StreamConfig) { c.AllowMsgCounter = true },
		"allow_msg_schedules":  func(c *jetstream.StreamConfig) { c.AllowMsgSchedules = true },
		"no_ack":               func(c *jetstream.StreamConfig) { c.NoAck = true },
		"persist_mode":         func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.AsyncPersistMode },
		"subject_transform": func(c *jetstream.StreamConfig) {
			c.SubjectTransform = &jetstream.SubjectTransformConfig{Source: c.Subjects[0], Destination: "elsewhere.>"}
		},
		"sources": func(c *jetstream.StreamConfig) { c.Sources = []*jetstream.StreamSource{{Name: "ELSEWHERE"}} },
	} {
		t.Run(field, func(t *testing.T) {
			// A prefix of its own: NATS clears a deleted stream's folder away
			// in the background, and can't make one of that name meanwhile.
			b.subjects = testkit.Must(events.NewSubjects(field))(t)
			c := jetstream.StreamConfig{Name: b.subjects.CommandStream(), Subjects: []string{b.subjects.Commands()}, DenyDelete: true, MaxMsgSize: 1 << 20}
			drift(&c)
			testkit.Must(b.js.CreateStream(t.Context(), c))(t)
			testkit.WantError(t, b.refused(t.TempDir()), log.ErrNotWhole, c.Name, " "+field+" must be ", "nats stream edit "+c.Name)
		})
	}
}

// TestPrefixInAnotherCase: streams have their names in upper case, so two such
// prefixes would share them. Nobody is told to take the other's subjects away.
func TestPrefixInAnotherCase(t *testing.T) {
	b := newBus(t)
	b.run(t.TempDir())
	b.subjects = testkit.Must(events.NewSubjects(strings.ToUpper(b.subjects.Prefix())))(t)
	testkit.WantError(t, b.refused(t.TempDir()), log.ErrNotWhole, "is that of the prefix "+strings.ToLower(b.subjects.Prefix()), "more than upper and lower case")
}

// TestDriftsWhileRunning changes the command stream under a running projector.
func TestDriftsWhileRunning(t *testing.T) {
	b := newBus(t)
	a := b.author()
	p := b.run(t.TempDir())
	a.message("alice", "bob", "m1")
	p.settle(a.flush())
	if err := p.CheckLog(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := b.commands().CachedInfo().Config
	c.MaxAge = 1000 * time.Hour
	testkit.Must(b.js.UpdateStream(t.Context(), c))(t)
	testkit.WantError(t, p.CheckLog(t.Context()), log.ErrNotWhole, "max_age must be 0")
	c.MaxAge = 0
	testkit.Must(b.js.UpdateStream(t.Context(), c))(t)
	if err := p.CheckLog(t.Context()); err != nil {
		t.Fatal(err)
	}

	if err := b.js.DeleteStream(t.Context(), c.Name); err != nil {
		t.Fatal(err)
	}
	testkit.WantError(t, p.CheckLog(t.Context()), log.ErrNotWhole, "UNREAD_COMMANDS is gone")
	testkit.Must(b.js.CreateStream(t.Context(), c))(t)
	testkit.Must(b.js.Publish(t.Context(), "unread.cmd.user.alice.erase", nil))(t)
	p.status() // asks for the stream too
	testkit.WantError(t, p.CheckLog(t.Context()), log.ErrNotWhole, "UNREAD_COMMANDS was deleted and made again")
}

// TestCheckedUnderLoad checks the stream while commands come in: the stream is
// never found shorter than what was applied. A server that has much to do may not
// answer a check in time.
func TestCheckedUnderLoad(t *testing.T) {
	b := newBus(t)
	a := b.author()
	p := b.run(t.TempDir())
	var over atomic.Bool
	passed, found := 0, make(chan error, 1)
	go func() {
		defer close(found)
		for !over.Load() || passed == 0 {
			switch err := p.CheckLog(t.Context()); {
			case err == nil:
				passed++
			case !errors.Is(err, context.DeadlineExceeded):
				found <- err
				return
			}
		}
	}()
	crowd(a, 20_000)
	over.Store(true)
	if err := testkit.Receive(t, "the last check", found); err != nil {
		t.Fatalf("check %d: %v", passed, err)
	}
}

// TestTrimmedStream trims the command stream: as far as the store has applied
// it, that is well; beyond it is not.
func TestTrimmedStream(t *testing.T) {
	b := newBus(t)
	a := b.author()
	dir := t.TempDir()
	p := b.run(dir)
	crowd(a, 100)
	p.settle(a.last())
	p.stop()
	applied := a.last()
	for i := range 50 {
		a.message(member(i), "sender", "m2")
	}
	a.flush()
	trim := func(next events.Seq) {
		t.Helper()
		if err := b.commands().Purge(t.Context(), jetstream.WithPurgeSequence(uint64(next))); err != nil {
			t.Fatal(err)
		}
	}
	trim(applied + 1)
	p = b.run(dir)
	p.settle(a.last())
	testkit.WantError(t, b.refused(t.TempDir()), log.ErrNotWhole, fmt.Sprintf("begins at seq %d", applied+1), "needs seq 1 next")
	p.stop()
	applied = a.last()
	for i := range 50 {
		a.message(member(i), "sender", "m3")
	}
	a.flush()
	trim(applied + 11)
	testkit.WantError(t, b.refused(dir), log.ErrNotWhole, fmt.Sprintf("begins at seq %d", applied+11), fmt.Sprintf("needs seq %d next", applied+1))
}

// TestTrimmedWhileRunning trims the stream beyond what a running projector has
// read: it ends and names the commands that it misses.
func TestTrimmedWhileRunning(t *testing.T) {
	testkit.Unraced(t)
	b := newBus(t)
	a := b.author()
	p := b.run(t.TempDir())
	a.message("alice", "bob", "m1")
	p.settle(a.flush())
	// More than are read ahead while nothing is folded.
	const n = 100_000
	release := p.HoldFolding()
	for i := range n {
		a.message("alice", "bob", fmt.Sprint("m", i+2))
	}
	a.flush()
	testkit.OK(t, b.commands().Purge(t.Context(), jetstream.WithPurgeKeep(1)))
	release()
	fails := p.fails()
	var trimmed *log.TrimmedError
	if errors.As(fails, &trimmed) { // whoever watches the stream came first
		testkit.WantError(t, fails, log.ErrNotWhole, "it begins at seq", "restore a snapshot")
	} else {
		testkit.WantError(t, fails, log.ErrNotWhole, "was due", "missing or damaged; restore the stream")
	}
}

// TestForeignStream deletes the stream, and makes it again: the store belongs to
// the old one. Nobody but who deleted it makes it.
func TestForeignStream(t *testing.T) {
	b := newBus(t)
	a := b.author()
	dir := t.TempDir()
	p := b.run(dir)
	crowd(a, 10)
	p.settle(a.last())
	p.stop()
	c := b.commands().CachedInfo().Config
	testkit.OK(t, b.js.DeleteStream(t.Context(), c.Name))
	for range 2 {
		testkit.WantError(t, b.refused(dir), log.ErrNotWhole, "UNREAD_COMMANDS", "is gone", dir)
	}
	testkit.Must(b.js.CreateStream(t.Context(), c))(t) // it says that it is the same, and is not
	testkit.WantError(t, b.refused(dir), log.ErrNotWhole, "ends at seq 0", "made of the commands up to seq")
	testkit.OK(t, b.js.DeleteStream(t.Context(), c.Name))
	c.Metadata = nil
	testkit.Must(b.js.CreateStream(t.Context(), c))(t)
	testkit.WantError(t, b.refused(dir), store.ErrForeign, "UNREAD_COMMANDS", "another data folder")
}

// TestFlippedBit flips a bit in the middle of the server's files, while it is
// down. The commands behind it may be lost, and no one is told. A projector
// that reads the stream again names them and ends; it never skips.
func TestFlippedBit(t *testing.T) {
	testkit.Unraced(t)
	b := newBus(t)
	a := b.author()
	b.run(t.TempDir()).stop()
	pad := bytes.Repeat([]byte("x"), 200<<10)
	for i := range 130 { // more than three files of 8 MiB
		a.log = append(a.log, command{subject: "unread.cmd.user.alice.message"})
		a.publish(fmt.Appendf(nil, `{"id":"m%d","from":"bob","pad":"%s"}`, i, pad))
	}
	a.flush()
	b.Stop()
	files := testkit.Must(filepath.Glob(filepath.Join(b.Options.StoreDir, "jetstream", "*", "streams", b.subjects.CommandStream(), "msgs", "2.blk")))(t)
	if len(files) != 1 {
		t.Fatalf("the stream's second file is not found: %v", files)
	}
	content := testkit.Must(os.ReadFile(files[0]))(t)
	content[len(content)/2] ^= 0x10
	testkit.OK(t, os.WriteFile(files[0], content, 0o600))
	b.restart()
	p := b.run(t.TempDir())
	if err := p.WaitApplied(testkit.Context(t), a.last()); err == nil {
		t.Error("all is applied, though commands are lost")
	}
	applied := p.status().Applied
	err := p.fails()
	testkit.WantError(t, err, log.ErrNotWhole, fmt.Sprintf("seq %d was due", applied+1), "missing or damaged; restore the stream")
	t.Log(err)
}

// TestServerRestarts restarts the server under load, in the middle of a large
// generation of events: nothing is missing, and nothing comes twice.
func TestServerRestarts(t *testing.T) {
	t.Parallel()
	users := testkit.Effort(5_000)
	b := newBus(t)
	a := b.author()
	p := b.run(t.TempDir())
	for round := range 2 {
		was := b.end()
		for i := range users {
			a.message(member(i), "sender", fmt.Sprint("m", round))
		}
		a.flush()
		testkit.Eventually(t, "some events are stored", func() bool { return b.end() > was+uint64(users/10) })
		b.Stop()
		b.restart()
	}
	p.settle(a.last())
	b.audited(p, a.last(), users)
}

// TestServerForgets restarts the server when all events have left the stream:
// it does not know any more which was the last, and takes the next all the
// same.
func TestServerForgets(t *testing.T) {
	b := newBus(t)
	a := b.author()
	p := b.run(t.TempDir())
	crowd(a, 100)
	p.settle(a.last())
	testkit.OK(t, b.events().Purge(t.Context()))
	b.Stop()
	b.restart()
	a.message("late", "sender", "m1")
	p.settle(a.flush())
	all := b.storedEvents(1)
	if len(all) != 1 || all[0].subject != "evt.late.change" {
		t.Errorf("stored after the restart: %+v", all)
	}
}
