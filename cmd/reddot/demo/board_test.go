package demo

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reddot/api/client"
	"reddot/events"
)

// heard is a board that was told something.
func heard(log func(string)) *board {
	b := newBoard([]string{"alice"}, time.UTC, log)
	b.happens(&act{words: "bob → alice: \"hi\"", id: "m1", text: "hi"})
	l := b.listener(b.panels()[0])
	l.StateChanged(client.Live)
	l.ConversationsChanged([]events.Conversation{
		{Conversation: "c2c_bob", Unread: 1, FirstUnread: "m1", Version: 1, LastMessage: &events.LastMessage{ID: "m1", From: "bob", At: 1000}},
		{Conversation: "c2c_carol", MarkedUnread: true, Version: 2, LastMessage: &events.LastMessage{ID: "m2", From: "alice", At: 2000}},
		{Conversation: "group_team", Unread: 2, Mentions: 1, Muted: true, Version: 3, LastMessage: &events.LastMessage{ID: "m3", From: "dave", At: 3000}},
		{Conversation: "group_old", Version: 4},
	})
	l.ConversationsRemoved([]string{"group_old"})
	l.TotalUnreadChanged(events.Totals{Unread: 1, C2C: 1, Conversations: 2, Muted: 2})
	l.C2CReadReceipt([]events.Receipt{{User: "alice", Peer: "carol", Upto: "m2", At: 3_723_000}})
	return b
}

func TestBoard(t *testing.T) {
	var log []string
	got := heard(func(words string) { log = append(log, words) }).picture()
	want := picture{words: `bob → alice: "hi"`, lists: []list{{user: "alice", live: true,
		totals:  events.Totals{Unread: 1, C2C: 1, Conversations: 2, Muted: 2},
		receipt: `carol read up to "m2"`, receiptAt: "01:02:03",
		rows: []row{
			{name: "#team", unread: 2, mentions: 1, muted: true, from: "dave", text: "m3"},
			{name: "carol", marked: true, text: "m2", tick: read},
			{name: "bob", unread: 1, text: "hi"},
		}}}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(picture{}, list{}, row{})); diff != "" {
		t.Errorf("picture (-want +got):\n%s", diff)
	}
	wantLog := []string{
		`bob → alice: "hi"`,
		"    alice's list: bob 1, carol 0 marked, #team 2 @1 muted, #old 0",
		"    alice's list: without #old",
		"    alice's total: 1",
		`    alice sees: ✓✓ carol has read up to "m2"`,
	}
	if diff := cmp.Diff(wantLog, log); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestBoardForgetsOldTexts(t *testing.T) {
	b := newBoard(nil, time.UTC, nil)
	s := newScript(newCast(), 1)
	for _, a := range acts(s, 3*maxTexts) {
		b.happens(&a)
	}
	if len(b.mu.texts) != maxTexts || len(b.mu.ids) != maxTexts {
		t.Errorf("%d texts of %d messages are kept", len(b.mu.texts), len(b.mu.ids))
	}
}

// TestDiffers: the check at the end sees every difference.
func TestDiffers(t *testing.T) {
	b := heard(nil)
	right := func() *answer {
		return &answer{
			list: events.ConversationsReply{Totals: events.Totals{Unread: 1, C2C: 1, Conversations: 2, Muted: 2}, Conversations: []events.Conversation{
				{Conversation: "group_team", Unread: 2, Mentions: 1, Muted: true, Version: 99, LastMessage: &events.LastMessage{ID: "m3", From: "dave", At: 3000}},
				{Conversation: "c2c_carol", MarkedUnread: true, Version: 2, LastMessage: &events.LastMessage{ID: "m2", From: "alice", At: 2000}},
				{Conversation: "c2c_bob", Unread: 1, FirstUnread: "m1", Version: 1, LastMessage: &events.LastMessage{ID: "m1", From: "bob", At: 1000}},
			}},
			receipts: map[string]events.ReceiptReply{"carol": {User: "alice", Peer: "carol", Upto: "m2", At: 3_723_000}},
		}
	}
	for name, c := range map[string]struct {
		change func(*answer)
		want   string
	}{
		"nothing":      {func(*answer) {}, ""},
		"total":        {func(a *answer) { a.list.Totals.Unread++ }, "totals"},
		"count":        {func(a *answer) { a.list.Conversations[2].Unread++ }, "at place 3"},
		"mark":         {func(a *answer) { a.list.Conversations[1].MarkedUnread = false }, "at place 2"},
		"last message": {func(a *answer) { a.list.Conversations[0].LastMessage.ID = "m4" }, "at place 1"},
		"order": {func(a *answer) {
			l := a.list.Conversations
			l[0], l[1] = l[1], l[0]
		}, "at place 1"},
		"missing":         {func(a *answer) { a.list.Conversations = a.list.Conversations[:2] }, "list has 2 conversations, not 3"},
		"receipt":         {func(a *answer) { a.receipts["carol"] = events.ReceiptReply{Upto: "m1", At: 3_723_000} }, "receipt of carol"},
		"missing receipt": {func(a *answer) { clear(a.receipts) }, "receipts are 0, not 1"},
	} {
		a := right()
		c.change(a)
		got := b.differs(map[string]*answer{"alice": a})
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
