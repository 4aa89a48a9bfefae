package main

import (
	"path/filepath"
	"testing"
	"time"

	"reddot/events"
	"reddot/projector/testkit"
)

// golden compares a text with testdata/golden/cli/<name>.
func golden(t *testing.T, name, got string) {
	t.Helper()
	testkit.Golden(t, filepath.Join("..", "..", "testdata", "golden", "cli", name), got)
}

const noon = events.Time(1_774_008_000_123) // 2026-03-20 12:00:00.123 UTC

func testZone() *time.Location { return time.FixedZone("", 3600) }

// someConversations are one of each kind: plain, muted, marked, empty, and
// with ids that don't fit a table.
func someConversations() []events.Conversation {
	return []events.Conversation{
		{Conversation: "c2c_bob", Unread: 3, Mentions: 1, FirstUnread: "m7", ReadUpto: "m6", ReadAt: noon - 60_000, Version: 1207,
			LastMessage: &events.LastMessage{ID: "m9", From: "bob", At: noon}},
		{Conversation: "group_team", Unread: 1_234_567, Muted: true, FirstUnread: "g1", Version: 1100,
			LastMessage: &events.LastMessage{ID: "g1234567", From: "carol", At: noon - 1}},
		{Conversation: "c2c_李雷", MarkedUnread: true, ReadUpto: "消息", Version: 900,
			LastMessage: &events.LastMessage{ID: "消息", From: "李雷", At: noon - 86_400_000}},
		{Conversation: "group_new", Muted: true, MarkedUnread: true, Version: 800},
		{Conversation: "c2c_evil\x1b[2J  \nc2c_bob   9", Unread: 1, FirstUnread: " x ", Version: 700,
			LastMessage: &events.LastMessage{ID: " x ", From: "evil\x1b[2J", At: noon - 86_400_000}},
	}
}

func TestRenderList(t *testing.T) {
	r := events.ConversationsReply{User: "alice", Version: 1210,
		Totals: events.Totals{Unread: 4, C2C: 4, Mentions: 1, Conversations: 3, Muted: 1_234_567}, Conversations: someConversations()}
	golden(t, "show-list.txt", renderList(r, testZone()))
	r.Conversations, r.Next = r.Conversations[:1], "cursor"
	golden(t, "show-list-more.txt", renderList(r, testZone()))
	golden(t, "show-list-empty.txt", renderList(events.ConversationsReply{User: "nobody"}, testZone()))
}

// threadedConversations show what few chats have: levels, labels, threads that count apart.
func threadedConversations() []events.Conversation {
	return []events.Conversation{
		{Conversation: "group_team", Unread: 5, Mentions: 1, Level: "mentions", Labels: []string{"pinned", "wo  rk"}, FirstUnread: "g1", Version: 1100,
			Threads:     events.ThreadTotals{Unread: 3, Mentions: 1, Threads: 2},
			LastMessage: &events.LastMessage{ID: "g7", From: "carol", At: noon, Revoked: true}},
		{Conversation: "c2c_bob", Muted: true, Level: "none", Labels: []string{"archived"}, Version: 1000},
	}
}

func someTotals() events.Totals {
	return events.Totals{Unread: 1, Group: 1, Mentions: 1, Conversations: 1, Muted: 7, Threads: events.ThreadTotals{Unread: 1, Threads: 1}}
}

// TestRenderThreaded shows lists, filters and threads of who has them.
func TestRenderThreaded(t *testing.T) {
	text := renderList(events.ConversationsReply{User: "alice", Version: 1210, Totals: someTotals(), Conversations: threadedConversations()}, testZone()) + "\n"
	for _, c := range threadedConversations() {
		text += renderConversation(events.ConversationReply{User: "alice", Version: 1210, Conversation: c}, testZone()) + "\n"
	}
	text += renderFilters(events.TotalsReply{User: "alice", Version: 1210, Totals: someTotals(), Filters: events.NamedTotals{"work": someTotals(), "all  else": {Unread: 12}}}) + "\n"
	text += renderFilters(events.TotalsReply{User: "alice"})
	golden(t, "show-threaded.txt", text)
}

func TestRenderConversation(t *testing.T) {
	text := ""
	for _, c := range someConversations() {
		text += renderConversation(events.ConversationReply{User: "alice", Version: 1210, Conversation: c}, testZone()) + "\n"
	}
	golden(t, "show-conversation.txt", text)
}

func TestRenderExplanation(t *testing.T) {
	e := events.Explanation{User: "alice", Version: 1210, Conversation: "group_team", Unread: 3, Mentions: 1,
		ReadUpto: "m6", ReadAt: noon - 60_000, ReadSeq: 1107, SinceRead: 6, Own: 1, Revoked: 2,
		Messages: []events.ExplainedMessage{
			{ID: "m7", From: "bob", At: noon - 3000, Seq: 1201},
			{ID: "m8", From: "carol", At: noon - 2000, Seq: 1202, Mention: true, Thread: "t1"},
			{ID: "m10", From: "bob", At: noon, Seq: 1207},
		}}
	golden(t, "explain.txt", renderExplanation(e, testZone()))
	e.MarkedUnread, e.Muted, e.More = true, true, 12
	e.ReadUpto, e.ReadAt, e.ReadSeq = "", 0, 0
	e.PendingReads = []events.PendingRead{{Upto: "m99", At: noon, Seq: 1209}, {Upto: "m98", At: noon, Seq: 1210, Private: true}}
	golden(t, "explain-early.txt", renderExplanation(e, testZone()))
	thread := ""
	golden(t, "explain-carried.txt", renderExplanation(events.Explanation{User: "alice", Conversation: "group_team", Version: 3, Level: "mentions", Labels: []string{"archived", "wo  rk"},
		SinceRead: 9, Own: 1, Revoked: 2, Blocked: 1, Purged: 1, Carried: 12, Threads: -3, Unread: 13, Thread: &thread}, testZone()))
	golden(t, "explain-zero.txt", renderExplanation(events.Explanation{User: "alice", Conversation: "c2c_bob", Version: 3}, testZone()))
}

func TestRenderStatus(t *testing.T) {
	s := events.Status{Applied: 375_910, Emitted: 375_900, Durable: 300_000, Last: 375_913, Lag: 3, Digest: 0x00c0ffee00c0ffee,
		Policy: events.Policy{OwnMessage: "keep", Threads: "apart", GroupReceipts: "sender"}, Features: []string{"threads", "import"}, Refused: 2, RefusedFor: map[string]uint64{"not_member": 1, "verb": 1}, Ignored: 14, Stream: "UNREAD_COMMANDS", State: "live", Emitter: "emitting",
		Commands: map[string]uint64{"user.read": 9, "user.message": 1234, "zz.new": 1, "group.message": 7, "aa.new": 2}}
	golden(t, "status.txt", renderStatus(s, testZone()))
	s.ID, s.Peers = "a1", []events.Peer{
		{ID: "b2", Host: "node-b", PID: 4711, Version: "1.2.3", Server: "n2", Role: "standby", State: events.Live, Applied: 375_913, Emitted: 375_900, Last: 375_913, HeardMS: 412},
		{ID: "c3", Host: "node-c", PID: 12, Version: "1.2.2", Server: "n3", Role: "standby", State: events.CatchingUp, Applied: 1_024, Last: 375_911, Lag: 374_889, HeardMS: 9_999},
		{ID: "d4", Host: "node-d\x1b[2J", PID: 1, State: events.Stopped, Lag: 375_913},
	}
	golden(t, "status-peers.txt", renderStatus(s, testZone()))
	s.ID, s.Peers = "", nil
	s.NATS = &events.Site{Server: "reddot", URL: "nats://127.0.0.1:4222", Servers: []string{"nats://127.0.0.1:4222"}, Streams: []events.StreamSite{{Stream: "UNREAD_COMMANDS", Replicas: 1, Current: 1, Leader: "reddot"}}}
	golden(t, "status-alone.txt", renderStatus(s, testZone()))
	s.NATS = &events.Site{Server: "n2", URL: "tls://b.example.com:4222", Cluster: "chat", Domain: "hub", Servers: []string{"a", "b", "c"}, Streams: []events.StreamSite{
		{Stream: "UNREAD_COMMANDS", Replicas: 3, Current: 3, Leader: "n1"},
		{Stream: "UNREAD_EVENTS", Replicas: 1, Current: 1, Leader: "n3", Wanted: 3, Advice: "nats stream edit UNREAD_EVENTS --replicas 3"},
		{Stream: "OBJ_kept", Replicas: 3, Current: 2, Leader: "n2"},
		{Stream: "OBJ_other", Replicas: 3},
	}}
	golden(t, "status-cluster.txt", renderStatus(s, testZone()))
	s.NATS = nil
	s.State, s.Emitter, s.Error = "stopped", "", "command 375911 is missing in the stream"
	golden(t, "status-stopped.txt", renderStatus(s, testZone()))
	s.State, s.Error = "stalled", "stands still before seq 375911 for 7s: the NATS server is silent for 2s"
	s.Skipped = []events.Seq{7, 4711}
	s.Stalled = &events.Standstill{Seq: 375_911, Since: noon, Reason: "the NATS server is silent for 2s"}
	s.EmissionStalled = &events.Standstill{Seq: 375_901, Since: noon, Reason: "the emitter is emitting and the event stream takes nothing; the log says more"}
	golden(t, "status-stalled.txt", renderStatus(s, testZone()))
	text := ""
	for _, r := range []events.Rebuild{
		{State: events.Running, Applied: 1200, Target: 375_910, Started: noon},
		{State: events.Running, From: 300_000, Applied: 301_000, Target: 375_910, Started: noon},
		{State: events.Done, Applied: 375_910, Target: 375_910, Started: noon, Ended: noon + 9000},
		{State: events.Done, Applied: 375_910, Target: 375_910, Started: noon, Ended: noon + 9000, Differed: true},
		{State: events.Failed, Started: noon, Ended: noon + 9000, Error: "no space left on device"},
	} {
		text += rebuildText(&r, testZone()) + "\n"
	}
	for _, s := range []events.Snapshot{
		{State: events.Running, Started: noon, Done: 1_048_576},
		{State: events.Done, Seq: 375_910, Digest: 0x00c0ffee00c0ffee, Started: noon, Ended: noon + 9000, Bytes: 12_345_678, NewBytes: 45_678},
		{State: events.Failed, Started: noon, Ended: noon + 9000, Error: "no space left on device"},
	} {
		text += snapshotText(&s, testZone()) + "\n"
	}
	golden(t, "status-tasks.txt", text)
}

func TestRenderThreads(t *testing.T) {
	r := events.ThreadsReply{User: "alice", Version: 1210, Next: "cursor", Threads: []events.Thread{
		{Conversation: "group_team", Thread: "g1", Unread: 3, Mentions: 1, Following: true, FirstUnread: "g5", ReadUpto: "g4", Version: 9,
			LastMessage: &events.LastMessage{ID: "g7", From: "carol", At: noon, Revoked: true}},
		{Conversation: "group_a b  c", Thread: " t", Muted: true, Version: 8},
	}}
	golden(t, "threads.txt", renderThreads(r, testZone())+"\n"+renderThreads(events.ThreadsReply{User: "nobody"}, testZone()))
}

func TestRenderReaders(t *testing.T) {
	r := events.ReadersReply{ID: "g7", Read: 2, Members: 5, Next: "cursor", Users: []events.Reader{{User: "bob", At: noon}, {User: "c  l", At: noon - 1}}}
	text := renderReaders(r, true, testZone()) + "\n"
	text += renderReaders(events.ReadersReply{ID: "g7", Read: 2, Members: 5, Users: []events.Reader{{User: "dave"}}}, false, testZone()) + "\n"
	text += renderReaders(events.ReadersReply{ID: "g  8", Members: 5}, true, testZone()) + "\n"
	text += renderReceipts(events.GroupReceiptsReply{Receipts: []events.GroupReceipt{{ID: "g7", Read: 2, Members: 5}, {ID: "g  8", Members: 5}}}) + "\n"
	golden(t, "readers.txt", text+renderReceipts(events.GroupReceiptsReply{}))
}
