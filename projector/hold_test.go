package projector_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"reddot/events"
	"reddot/projector/testkit"
)

// heldBack is longer than any test takes.
const heldBack = events.MaxHoldMS * time.Millisecond

// ofKind are the events on subjects that end so.
func ofKind(all []stored, kind string) (some []stored) {
	for _, e := range all {
		if strings.HasSuffix(e.subject, kind) {
			some = append(some, e)
		}
	}
	return some
}

// TestHold: while events are held back, refusals alone are emitted, and nothing takes
// that for a standstill; then each user is notified once of all.
func TestHold(t *testing.T) {
	b := newBus(t)
	a, p := b.author(), b.run(t.TempDir())
	a.message("alice", "bob", "0")
	p.settle(a.flush())
	before := b.storedEvents(1)
	if until := testkit.Must(p.Hold(heldBack))(t); until == 0 || p.status().HeldUntil != until {
		t.Fatalf("held until %d, the status says %d", until, p.status().HeldUntil)
	}
	const many = 50
	for n := range many {
		a.message("alice", "bob", fmt.Sprint("m", n))
		a.message("erin", "bob", fmt.Sprint("m", n))
		a.garble("unread.cmd.nonsense", nil)
	}
	a.write(events.Command{Verb: events.UserRead, Inbox: "alice", Conversation: events.ConversationID{Kind: events.C2C, ID: "bob"}})
	last := a.flush()
	if err := p.WaitApplied(testkit.Context(t), last); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the refusals are emitted", func() bool {
		return len(ofKind(b.storedEvents(1), "rejected")) == many
	})
	if all := b.storedEvents(1); len(all) != len(before)+many {
		t.Errorf("%d events beside the refusals", len(all)-len(before)-many)
	}
	if s := p.status(); s.Emitted >= last || s.EmissionStalled != nil || s.State != events.Live {
		t.Errorf("held back, and the status says %+v", s)
	}
	testkit.Must(p.Hold(0))(t)
	p.settle(last)
	if until := p.status().HeldUntil; until != 0 {
		t.Errorf("held until %d when it has ended", until)
	}
	all := b.storedEvents(1)
	if changes := len(ofKind(all, ".change")) - len(ofKind(before, ".change")); changes != 2 {
		t.Errorf("%d changes for two users", changes)
	}
	if receipts := len(ofKind(all, ".receipt")); receipts != 1 {
		t.Errorf("%d receipts for one read", receipts)
	}
	if refused := len(ofKind(all, "rejected")); refused != many {
		t.Errorf("%d refusals of %d", refused, many)
	}
}

// TestHoldEndsByItself: who forgets to end it holds nothing back for long.
func TestHoldEndsByItself(t *testing.T) {
	b := newBus(t)
	a, p := b.author(), b.run(t.TempDir())
	testkit.Must(p.Hold(300 * time.Millisecond))(t)
	a.message("alice", "bob", "1")
	p.settle(a.flush())
	if len(ofKind(b.storedEvents(1), ".change")) != 1 {
		t.Error("the change is not emitted once")
	}
}

// TestHoldOutlivesNothing: what was held back when a process was killed is emitted by
// the next one, and nothing twice.
func TestHoldOutlivesNothing(t *testing.T) {
	b := newBus(t)
	a, dir := b.author(), t.TempDir()
	p := b.run(dir)
	testkit.Must(p.Hold(heldBack))(t)
	a.message("alice", "bob", "1")
	a.garble("unread.cmd.nonsense", nil)
	last := a.flush()
	if err := p.WaitApplied(testkit.Context(t), last); err != nil {
		t.Fatal(err)
	}
	p.kill()
	p = b.run(dir)
	p.settle(last)
	all := b.storedEvents(1)
	if len(ofKind(all, ".change")) != 1 || len(ofKind(all, "rejected")) != 1 {
		t.Errorf("%d changes and %d refusals after a crash", len(ofKind(all, ".change")), len(ofKind(all, "rejected")))
	}
}

// TestHoldKeepsTheStream: who holds events back lives: another one that stands by, and
// has not heard of it, leaves the stream to it.
func TestHoldKeepsTheStream(t *testing.T) {
	b := newBus(t)
	a := b.author()
	p := b.run(t.TempDir())
	a.message("alice", "bob", "1")
	p.settle(a.flush())
	testkit.Must(p.Hold(heldBack))(t)
	a.message("alice", "bob", "2")
	last := a.flush()
	other := b.run(t.TempDir())
	if err := other.WaitApplied(testkit.Context(t), last); err != nil {
		t.Fatal(err)
	}
	heard := other.Figures().Heard
	testkit.Eventually(t, "the other one hears that the first one lives", func() bool { return other.Figures().Heard > heard+2 })
	if p.status().Emitter != "emitting" || other.status().Emitter != "standby" {
		t.Errorf("the first one is %s, the other %s", p.status().Emitter, other.status().Emitter)
	}
	testkit.Must(p.Hold(0))(t)
	other.settle(last)
	if changes := len(ofKind(b.storedEvents(1), ".change")); changes != 2 {
		t.Errorf("%d changes for two messages", changes)
	}
}
