package store_test

import (
	"fmt"
	"testing"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/view"
)

// TestNewestWanted: the senders of a group's newest messages that ask for receipts are
// notified of readers, as many as the contract says; a recalled one makes no room for
// an older one, and those of another time than the policy's count as well.
func TestNewestWanted(t *testing.T) {
	r := newRig(t, 0)
	group := events.ConversationID{Kind: events.Group, ID: "g"}
	r.do(events.Command{Verb: events.GroupJoin, Inbox: "g", Users: []string{"a", "b"}})
	for n := range events.MaxReceipts + 5 {
		r.do(events.Command{Verb: events.GroupMessage, Inbox: "g", From: "b", ID: fmt.Sprint("m", n), Receipt: true})
		r.do(events.Command{Verb: events.GroupMessage, Inbox: "g", From: "b", ID: fmt.Sprint("x", n)})
	}
	r.do(events.Command{Verb: events.GroupRevoke, Inbox: "g", ID: "m100"})
	r.do(events.Command{Verb: events.PolicySet, GroupReceipts: events.ReceiptsSender})
	r.do(events.Command{Verb: events.UserRead, Inbox: "a", Conversation: group})
	if len(r.fx.Authors) != 1 {
		t.Fatalf("%v are notified", r.fx.Authors)
	}
	r.commit()
	r.verify()
	err := r.store.Read(func(rows fold.Reader) error {
		event := view.Raised(rows, fold.Author{Group: "g", User: "b"}, 0)
		if n := len(event.Receipts); n != events.MaxReceipts-1 || event.Receipts[0].ID != "m5" {
			t.Errorf("%d messages have readers, the first is %+v", n, event.Receipts[0])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
