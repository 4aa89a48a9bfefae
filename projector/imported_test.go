package projector_test

import (
	"testing"

	"reddot/events"
	"reddot/projector/testkit"
)

// TestImportedReceipt: what was sent to the peer before everything that is known is
// answered, and never sent again, though an emitter that was held back still has a receipt
// of the reader to send; what the import's last message makes of a read that waited for it
// is.
func TestImportedReceipt(t *testing.T) {
	b := newBus(t)
	a, p := b.author(), b.run(t.TempDir())
	bob, carol := events.ConversationID{Kind: events.C2C, ID: "bob"}, events.ConversationID{Kind: events.C2C, ID: "carol"}
	old := &events.ImportReceipt{Upto: "m0", At: 5}
	testkit.Must(p.Hold(heldBack))(t)
	a.message("alice", "bob", "m1")
	a.write(events.Command{Verb: events.UserRead, Inbox: "alice", Conversation: bob, At: 7, HasAt: true})
	a.write(events.Command{Verb: events.UserErase, Inbox: "alice"})
	a.write(events.Command{Verb: events.UserRead, Inbox: "alice", Conversation: carol, Upto: "m0", At: 8, HasAt: true})
	a.write(events.Command{Verb: events.UserImport, Inbox: "alice", Conversations: []events.Import{
		{Conversation: bob, Receipt: old},
		{Conversation: carol, Receipt: old, LastMessage: &events.ImportMessage{ID: "m0", From: "carol", At: 3}},
	}})
	last := a.flush()
	if err := p.WaitApplied(testkit.Context(t), last); err != nil {
		t.Fatal(err)
	}
	testkit.Must(p.Hold(0))(t)
	p.settle(last)
	all := newAudit(t, a)
	all.read(b.storedEvents(1))
	all.settled(p)
	if sent := ofKind(b.storedEvents(1), ".receipt"); len(sent) != 1 || sent[0].subject != "evt.carol.receipt" {
		t.Errorf("%d receipts are sent: %+v", len(sent), sent)
	}
	v := p.view(last)
	defer v.Close()
	if r := testkit.Must(v.Receipt("bob", "alice", nil))(t); r.Upto != old.Upto || r.At != old.At || r.Version != last {
		t.Errorf("bob is answered %+v", r)
	}
}
