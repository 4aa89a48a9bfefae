package projector_test

import (
	"testing"

	"reddot/events"
	"reddot/projector/testkit"
)

// TestFanoutNamed notifies who is named in a group beyond the limit of the message
// and of its recall, without a watch, and also if nobody could be notified before the
// projector ended: what a listener was notified of does not go stale (rule named).
func TestFanoutNamed(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	b := newBus(t)
	dir := t.TempDir()
	f := &fanout{ledger: newLedger(t), author: b.author(), bus: b, p: b.run(dir, limited(2))}
	f.join("hall", "alice", "bob", "carol")
	f.notified()
	restarted := func(write func()) {
		t.Helper()
		b.hold()
		write()
		if err := f.p.WaitApplied(testkit.Context(t), f.flush()); err != nil {
			t.Fatal(err)
		}
		f.p.kill()
		f.p = b.run(dir, limited(2))
	}
	inOrder := func(write func()) { write() }
	for i, run := range []func(func()){inOrder, restarted} {
		id := []string{"g1", "g2"}[i]
		run(func() { f.say("hall", "bob", id, "alice", "stranger") })
		f.wantTold("a message that names one", "alice")
		f.agrees("alice")
		run(func() { f.message("alice", "dave", id) })
		f.wantTold("a C2C message", "alice")
		run(func() { f.write(events.Command{Verb: events.GroupRevoke, Inbox: "hall", ID: id}) })
		f.wantTold("its recall", "alice")
		f.agrees("alice")
		run(func() {
			f.write(events.Command{Verb: events.GroupMessage, Inbox: "hall", From: "bob", ID: id + "all", MentionAll: true})
		})
		f.wantTold("a message that names everybody")
	}
}
