package projector_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/log"
	"reddot/projector/testkit"
)

// holed makes a command stream of some messages to alice from which some are
// gone.
func (b *bus) holed(messages int, gone ...uint64) {
	b.t.Helper()
	c := jetstream.StreamConfig{
		Name: b.subjects.CommandStream(), Subjects: []string{b.subjects.Commands()}, Discard: jetstream.DiscardNew, MaxMsgSize: 1 << 20,
		Metadata: map[string]string{"reddot-log-begun": "2026-01-02T03:04:05Z"},
	}
	stream := testkit.Must(b.js.CreateStream(testkit.Context(b.t), c))(b.t)
	for i := range messages {
		subject := b.subjects.Command(events.Target{Verb: events.UserMessage, Inbox: "alice"})
		testkit.Must(b.js.Publish(testkit.Context(b.t), subject, fmt.Appendf(nil, `{"id":"m%d","from":"bob"}`, i+1)))(b.t)
	}
	for _, seq := range gone {
		testkit.OK(b.t, stream.DeleteMsg(testkit.Context(b.t), seq))
	}
	c.DenyDelete = true
	testkit.Must(b.js.UpdateStream(testkit.Context(b.t), c))(b.t)
}

func skip(seqs ...events.Seq) func(*projector.Config) {
	return func(cfg *projector.Config) { cfg.Skip = seqs }
}

// TestSkip passes over a command that nobody can read: exactly it, and only as it
// was named. The store knows it; every store of the log is the same.
func TestSkip(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	b.holed(5, 3)
	dir := t.TempDir()
	testkit.WantError(t, b.run(dir).fails(), log.ErrNotWhole, "seq 4 came where seq 3 was due", "restore the stream", "--skip-seq 3", "built anew needs that again")
	for seq, says := range map[events.Seq]string{
		1: "seq 1 was applied", 2: "seq 2 was applied", 4: "seq 4 can be read", 6: "the log ends at seq 5",
	} {
		testkit.WantError(t, b.refused(dir, skip(3, seq)), log.ErrSkip, says, fmt.Sprintf("start without --skip-seq %d", seq))
	}
	p := b.run(dir, skip(3))
	p.settle(5)
	s := p.status()
	if !slices.Equal(s.Skipped, []events.Seq{3}) || s.Refused != 0 || s.Commands["user.message"] != 4 || s.State != events.Live {
		t.Errorf("status: %+v", s)
	}
	if !p.log.Has("command passed over") || strings.Count(p.log.String(), "whatever it did is lost\" seq=3") != 1 {
		t.Errorf("the log does not say so once:\n%s", p.log.String())
	}
	if _, err := p.Rebuild(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the store is rebuilt", func() bool { return p.status().Rebuild.State != events.Running })
	if r := p.status().Rebuild; r.State != events.Done || r.Differed {
		t.Errorf("the rebuild: %+v", r)
	}
	p.kill() // what is passed over need not be named again

	for _, again := range []*process{b.run(dir), b.run(t.TempDir(), skip(3))} {
		again.settle(5)
		if got := again.status(); got.Digest != s.Digest || !slices.Equal(got.Skipped, s.Skipped) {
			t.Errorf("another store has digest %s and has passed over %v, not %s and %v", got.Digest, got.Skipped, s.Digest, s.Skipped)
		}
		again.stop()
	}
	p = b.run(dir, skip(3)) // naming it again does no harm
	p.settle(5)
	p.stop()
	testkit.WantError(t, b.run(t.TempDir()).fails(), log.ErrNotWhole, "--skip-seq 3")
}

// TestSkipOne names one of two commands that can't be read: the other one stops
// the fold.
func TestSkipOne(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	b.holed(6, 3, 4)
	dir := t.TempDir()
	testkit.WantError(t, b.run(dir, skip(3)).fails(), log.ErrNotWhole, "where seq 4 was due", "--skip-seq 4")
	p := b.run(dir, skip(3, 4))
	p.settle(6)
	if s := p.status(); !slices.Equal(s.Skipped, []events.Seq{3, 4}) {
		t.Errorf("passed over: %v", s.Skipped)
	}
}

// TestSkipLast passes over the last command, which is corrupt, and goes on with
// what is published behind it.
func TestSkipLast(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	b := newBus(t)
	a := b.author()
	b.run(t.TempDir()).stop()
	crowd(a, 10)
	last := a.flush()
	b.flipInLast()
	p := b.run(t.TempDir(), skip(last))
	p.settle(last)
	a.message("alice", "bob", "m1")
	p.settle(a.flush())
	if s := p.status(); !slices.Equal(s.Skipped, []events.Seq{last}) {
		t.Errorf("passed over: %v", s.Skipped)
	}
}

// TestSkipTrimmed names a command that was trimmed, which nobody is to miss.
func TestSkipTrimmed(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	b.holed(5)
	testkit.OK(t, b.commands().Purge(t.Context(), jetstream.WithPurgeSequence(4)))
	testkit.WantError(t, b.refused(t.TempDir(), skip(1, 2, 3)), log.ErrNotWhole, "begins at seq 4")
}
