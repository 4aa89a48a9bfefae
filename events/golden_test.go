package events

import (
	"encoding/hex"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"reddot/projector/testkit"
)

// goldenDir holds the bytes of version 1 of every payload. What lies there
// must be readable for ever: publishers, listeners and old logs hold it.
const goldenDir = "../testdata/golden/events/v1"

// goldenCommands has every verb with all its fields and with the required
// ones only.
func goldenCommands() map[string]Command {
	at := func(c Command) Command { c.At, c.HasAt = 1700000000123, true; return c }
	bob, team := ConversationID{C2C, "bob"}, ConversationID{Group, "team"}
	return map[string]Command{
		"user.message":         at(Command{Verb: UserMessage, ID: "m1", From: "bob@example.com", Silent: true, Mentions: []string{"alice", "卡罗尔"}, Thread: "t1"}),
		"user.message.hidden":  {Verb: UserMessage, ID: "m1", From: "bob", Hidden: true},
		"user.message.min":     {Verb: UserMessage, ID: "m1", From: "bob@example.com"},
		"user.revoke":          at(Command{Verb: UserRevoke, ID: "m1", From: "bob"}),
		"user.revoke.min":      {Verb: UserRevoke, ID: "m1", From: "bob"},
		"user.sent":            at(Command{Verb: UserSent, ID: "m1", To: "bob"}),
		"user.sent.silent":     at(Command{Verb: UserSent, ID: "m1", To: "bob", Silent: true, Hidden: true, Thread: "t1"}),
		"user.sent.min":        {Verb: UserSent, ID: "m1", To: "bob"},
		"user.read":            at(Command{Verb: UserRead, Conversation: bob, Upto: "m1", UptoAt: 1700000000000, HasUptoAt: true, Private: true}),
		"user.read.min":        {Verb: UserRead, Conversation: team},
		"user.read-all":        at(Command{Verb: UserReadAll, Kind: C2C, Private: true}),
		"user.read-all.upto":   {Verb: UserReadAll, UptoAt: 1700000000000, HasUptoAt: true},
		"user.read-all.min":    {Verb: UserReadAll},
		"user.unread":          at(Command{Verb: UserUnread, Conversation: bob, From: "m1"}),
		"user.unread.min":      {Verb: UserUnread, Conversation: team},
		"user.mute":            at(Command{Verb: UserMute, Conversation: team, Muted: true}),
		"user.mute.min":        {Verb: UserMute, Conversation: team},
		"user.delete":          at(Command{Verb: UserDelete, Conversation: bob}),
		"user.delete.upto":     at(Command{Verb: UserDelete, Conversation: bob, Upto: "m1", UptoAt: 1700000000000, HasUptoAt: true}),
		"user.delete.min":      {Verb: UserDelete, Conversation: bob},
		"user.erase":           at(Command{Verb: UserErase}),
		"user.erase.min":       {Verb: UserErase},
		"group.message":        at(Command{Verb: GroupMessage, ID: "m1", From: "bob", Silent: true, Mentions: []string{"alice"}, MentionAll: true, Thread: strings.Repeat("t", 40)}),
		"group.message.hidden": {Verb: GroupMessage, ID: "m1", From: "bob", Hidden: true, Mentions: []string{"alice"}, MentionAll: true},
		"group.message.min":    {Verb: GroupMessage, ID: "m1", From: "bob"},
		"group.revoke":         at(Command{Verb: GroupRevoke, ID: "m1"}),
		"group.revoke.min":     {Verb: GroupRevoke, ID: "m1"},
		"group.join":           at(Command{Verb: GroupJoin, Users: []string{"alice", "bob", "\"<&>\"\n"}}),
		"group.join.min":       {Verb: GroupJoin, Users: []string{}},
		"group.leave":          at(Command{Verb: GroupLeave, Users: []string{"alice"}}),
		"group.leave.min":      {Verb: GroupLeave, Users: []string{}},
		"group.dismiss":        at(Command{Verb: GroupDismiss}),
		"group.dismiss.min":    {Verb: GroupDismiss},
		"policy":               at(Command{Verb: PolicySet, OwnMessage: OwnAdvance}),
		"policy.all":           {Verb: PolicySet, OwnMessage: OwnKeep, ThreadPolicy: ThreadsApart, GroupReceipts: ReceiptsMembers},
		"policy.min":           {Verb: PolicySet},

		"user.message.expires":  {Verb: UserMessage, ID: "m1", From: "bob", ExpiresAt: 1700000086400, HasExpiresAt: true},
		"user.read.thread":      {Verb: UserRead, Conversation: team, Upto: "m1", Thread: "t1", HasThread: true},
		"user.read.main":        {Verb: UserRead, Conversation: team, HasThread: true},
		"user.read-all.threads": {Verb: UserReadAll, Threads: true},
		"user.unread.thread":    {Verb: UserUnread, Conversation: team, From: "m1", Thread: "t1", HasThread: true},
		"user.mute.thread":      {Verb: UserMute, Conversation: team, Muted: true, Thread: "t1"},
		"user.level":            at(Command{Verb: UserLevel, Conversation: team, Level: LevelMentions}),
		"user.level.min":        {Verb: UserLevel, Conversation: bob, Level: LevelNone},
		"user.label":            at(Command{Verb: UserLabel, Conversation: team, Add: []string{"pinned", "北"}, Remove: []string{LabelArchived}}),
		"user.label.min":        {Verb: UserLabel, Conversation: team},
		"user.filter":           at(Command{Verb: UserFilter, Name: "work", Filter: &Filter{Kind: Group, Label: new("work"), Without: "star", Mentioned: true, IncludeMuted: true}}),
		"user.filter.unlabeled": {Verb: UserFilter, Name: "rest", Filter: &Filter{Label: new("")}},
		"user.filter.all":       {Verb: UserFilter, Name: "all", Filter: &Filter{}},
		"user.filter.min":       {Verb: UserFilter, Name: "work"},
		"user.clear":            at(Command{Verb: UserClear, Conversation: bob, Before: "m1"}),
		"user.clear.min":        {Verb: UserClear, Conversation: bob},
		"user.import": at(Command{Verb: UserImport, Conversations: []Import{
			{
				Conversation: bob, Unread: 12, Mentions: 3, MarkedUnread: true, Level: LevelMentions, Labels: []string{"work", LabelArchived},
				ReadAt: 1700000000000, HasReadAt: true, LastMessage: &ImportMessage{ID: "m0", From: "bob", At: 1700000000001},
				Receipt: &ImportReceipt{Upto: "m0", At: 1700000000002},
			},
			{Conversation: team},
		}}),
		"user.import.min":  {Verb: UserImport, Conversations: []Import{}},
		"group.purge":      at(Command{Verb: GroupPurge, Before: "m1", BeforeAt: 1700000000000, HasBeforeAt: true}),
		"group.purge.min":  {Verb: GroupPurge, Before: "m1"},
		"user.block":       at(Command{Verb: UserBlock, Users: []string{"bob", "carol"}, Blocked: true}),
		"user.block.min":   {Verb: UserBlock, Users: []string{}},
		"user.follow":      at(Command{Verb: UserFollow, Conversation: team, Thread: "t1", Following: true}),
		"user.follow.min":  {Verb: UserFollow, Conversation: team, Thread: "t1"},
		"user.edit":        at(Command{Verb: UserEdit, ID: "m1", From: "bob", Mentions: []string{"alice"}}),
		"user.edit.min":    {Verb: UserEdit, ID: "m1", From: "bob"},
		"group.edit":       at(Command{Verb: GroupEdit, ID: "m1", Mentions: []string{"alice"}, MentionAll: true}),
		"group.edit.min":   {Verb: GroupEdit, ID: "m1"},
		"clock":            at(Command{Verb: ClockSet}),
		"clock.min":        {Verb: ClockSet, At: 0, HasAt: true},
		"group.message.in": {Verb: GroupMessage, ID: "m1", From: "bob", Thread: "t1", Broadcast: true, Receipt: true, ExpiresAt: 1700000086400, HasExpiresAt: true},
	}
}

type goldenValue struct {
	name  string
	value any
}

// goldenValues has every derived event and reply, with all its fields and
// with no optional one.
func goldenValues() []goldenValue {
	totals := Totals{Unread: 300, C2C: 200, Group: 100, Mentions: 2, Conversations: 3, Muted: 70000}
	full := Conversation{
		Conversation: "group_team", Unread: 100, Mentions: 2, MarkedUnread: true, Muted: true,
		LastMessage: &LastMessage{ID: "m9", From: "bob", At: 1700000000123},
		FirstUnread: "m5", ReadUpto: "m4", ReadAt: 1700000000000, Version: 42,
	}
	bare := Conversation{Conversation: "c2c_bob@example.com", Version: 7}
	return []goldenValue{
		{"change", Change{User: "alice", Version: 42, At: 1700000000123, Totals: totals, Conversations: []Conversation{full, bare}, Removed: []string{"c2c_carol"}}},
		{"change.revoked", Change{User: "alice", Version: 43, At: 1700000000123, Conversations: []Conversation{
			{Conversation: "c2c_bob", LastMessage: &LastMessage{ID: "m9", From: "bob", At: 1700000000123, Revoked: true}, Version: 43},
		}}},
		{"change.min", Change{User: "alice", Version: 1, At: 1, Conversations: []Conversation{}}},
		{"receipt", Receipt{User: "alice", Version: 42, Conversation: "c2c_bob", Peer: "bob", Upto: "m9", At: 1700000000123}},
		{"receipt.thread", Receipt{User: "alice", Version: 42, Conversation: "c2c_bob", Peer: "bob", Upto: "m9", At: 1700000000123, Thread: "t1"}},
		{"change.more", Change{
			User: "alice", Version: 44, At: 1700000000123, Totals: Totals{Unread: 2, Group: 2, Conversations: 1, Threads: ThreadTotals{Unread: 3, Mentions: 1, Threads: 2}},
			Conversations: []Conversation{{
				Conversation: "group_team", Unread: 2, Level: "mentions", Labels: []string{"pinned", "work"},
				Threads: ThreadTotals{Unread: 3, Mentions: 1, Threads: 2}, Version: 44,
			}},
			Threads: []Thread{
				{Conversation: "group_team", Thread: "t1", Unread: 2, Mentions: 1, Following: true, Muted: true, LastMessage: &LastMessage{ID: "m9", From: "bob", At: 1700000000123}, FirstUnread: "m8", ReadUpto: "m7", Version: 44},
				{Conversation: "group_team", Thread: "t2", Version: 43},
			},
			Filters: NamedTotals{"work": {Unread: 2, Group: 2}, "all": {Unread: 5}},
		}},
		{"group-receipt", GroupReceipts{User: "alice", Version: 42, At: 1700000000123, Group: "team", Receipts: []GroupReceipt{{ID: "m9", Read: 3, Members: 70000}}}},
		{"rejected", Rejected{Seq: 43, Subject: "unread.cmd.user.alice.message", Reason: "id is missing", At: 1700000000123}},
		{"reply.totals", TotalsReply{User: "alice", Version: 42, Totals: totals}},
		{"reply.totals.filters", TotalsReply{User: "alice", Version: 42, Filters: NamedTotals{"b": {}, "a": {Muted: 1}}}},
		{"reply.threads", ThreadsReply{User: "alice", Version: 42, Threads: []Thread{{Conversation: "group_team", Thread: "t1", Version: 42}}, Next: "opaque"}},
		{"reply.thread", ThreadReply{User: "alice", Version: 42, Thread: Thread{Conversation: "group_team", Unread: 1, Version: 42}}},
		{"reply.group-receipts", GroupReceiptsReply{User: "alice", Version: 42, Receipts: []GroupReceipt{{ID: "m9", Members: 2}}}},
		{"reply.readers", ReadersReply{ID: "m9", Read: 1, Members: 2, Users: []Reader{{User: "bob", At: 1700000000123}, {User: "carol"}}, Next: "opaque"}},
		{"reply.hold", HoldReply{Until: 1700000060123}},
		{"reply.conversations", ConversationsReply{User: "alice", Version: 42, Totals: totals, Conversations: []Conversation{full, bare}, Next: "opaque"}},
		{"reply.conversations.min", ConversationsReply{User: "nobody", Conversations: []Conversation{}}},
		{"reply.conversation", ConversationReply{User: "alice", Version: 42, Conversation: full}},
		{"reply.explain", Explanation{
			User: "alice", Version: 42, Conversation: "group_team", Unread: 2, Mentions: 1, MarkedUnread: true, Muted: true,
			ReadUpto: "m4", ReadAt: 1700000000000, ReadSeq: 30, SinceRead: 4, Own: 1, Revoked: 1,
			PendingReads: []PendingRead{{Upto: "m99", At: 1700000000100, Seq: 41}, {Upto: "m98", At: 1700000000101, Seq: 42, Private: true}},
			Messages: []ExplainedMessage{
				{ID: "m5", From: "bob", At: 1700000000050, Seq: 35, Mention: true, Thread: "t1"},
				{ID: "m9", From: "bob", At: 1700000000123, Seq: 42},
			},
			More: 1,
		}},
		{"reply.explain.min", Explanation{User: "alice", Version: 42, Conversation: "c2c_bob", Messages: []ExplainedMessage{}}},
		{"reply.explain.more", Explanation{
			User: "alice", Version: 42, Conversation: "group_team", Thread: new("t1"), Level: "mentions", Labels: []string{"work"},
			Blocked: 1, Purged: 2, Carried: 3, Threads: -4, Messages: []ExplainedMessage{},
		}},
		{"reply.receipt", ReceiptReply{User: "alice", Version: 42, Peer: "bob", Upto: "m9", At: 1700000000123}},
		{"reply.watch", WatchReply{Until: 1700000060123}},
		{"reply.do", DoReply{Seq: 43, Duplicate: true}},
		{"reply.do.min", DoReply{Seq: 43}},
		{"reply.error", (&Fault{Code: ErrUnavailable, Message: "ask again", Seq: 43, Uncertain: true}).Reply()},
		{"reply.error.min", (&Fault{Code: ErrNotFound, Message: "no conversation c2c_bob in the list"}).Reply()},
		{"reply.status", Status{
			Applied: 43, Emitted: 42, Durable: 40, Last: 45, Lag: 2, Digest: 0x0123456789abcdef, Policy: Policy{OwnMessage: "keep"}, Features: []string{"levels", "labels"},
			Commands: map[string]uint64{"user.message": 41}, // one: msgpack maps have no order
			Refused:  1, Ignored: 1, Stream: "UNREAD_COMMANDS", State: "stopped", Error: "the stream has a hole", Emitter: "emitting",
		}},
		{"reply.status.min", Status{Policy: Policy{OwnMessage: "keep"}, Features: []string{}, Commands: map[string]uint64{}, Stream: "UNREAD_COMMANDS", State: "live"}},
		{"reply.status.stalled", Status{
			Applied: 43, Emitted: 42, Durable: 40, Last: 45, Lag: 2, Policy: Policy{OwnMessage: "keep"}, Features: []string{}, Commands: map[string]uint64{},
			Stream: "UNREAD_COMMANDS", State: Stalled, Error: "stands still", Skipped: []Seq{7, 9},
			Stalled:         &Standstill{Seq: 44, Since: 1700000000123, Reason: "the stream has commands and sends none"},
			EmissionStalled: &Standstill{Seq: 43, Since: 1700000000124, Reason: "the event stream takes nothing"},
		}},
	}
}

func TestGoldenCommands(t *testing.T) {
	commands := goldenCommands()
	for _, verb := range Verbs() {
		for _, name := range []string{verb.String(), verb.String() + ".min"} {
			if commands[name].Verb != verb {
				t.Errorf("%s is missing", name)
			}
		}
	}
	for name, want := range commands {
		to := target(want.Verb)
		want.Inbox = to.Inbox
		for ext, encode := range map[string]func(*Command) ([]byte, error){".json": EncodeJSON, ".msgpack": Encode} {
			b, err := encode(&want)
			if err != nil {
				t.Fatal(err)
			}
			file := "command." + name + ext
			var got Command
			if err := Decode(to, golden(t, file, b), &got); err != nil {
				t.Errorf("%s: %v", file, err)
			} else if d := diff(want, got); d != "" {
				t.Errorf("%s reads as another command:\n%s", file, d)
			}
		}
	}
}

func TestGoldenEvents(t *testing.T) {
	for _, g := range goldenValues() {
		for _, e := range []Encoding{JSON, Msgpack} {
			b, err := Marshal(e, g.value)
			if err != nil {
				t.Fatal(err)
			}
			file := "event." + g.name + "." + e.String()
			got := reflect.New(reflect.TypeOf(g.value))
			if err := Unmarshal(e.ContentType(), golden(t, file, b), got.Interface()); err != nil {
				t.Errorf("%s: %v", file, err)
			} else if d := diff(g.value, got.Elem().Interface()); d != "" {
				t.Errorf("%s reads as another value:\n%s", file, d)
			}
		}
	}
}

// golden compares bytes with a golden file and returns the file's. JSON lies
// there as it is, msgpack as a dump.
func golden(t *testing.T, file string, b []byte) []byte {
	t.Helper()
	path := filepath.Join(goldenDir, filepath.FromSlash(file))
	if !strings.HasSuffix(file, ".msgpack") {
		return []byte(strings.TrimSuffix(testkit.Golden(t, path, string(b)+"\n"), "\n"))
	}
	want, err := testkit.Undump(testkit.Golden(t, path+".hex", hex.Dump(b)))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return want
}

// TestEveryStructIsGolden: each struct of an event or a reply stands in some golden
// value, so whoever adds one fixes its bytes.
func TestEveryStructIsGolden(t *testing.T) {
	golden := map[string]bool{}
	for _, g := range goldenValues() {
		structsOf(reflect.TypeOf(g.value), golden)
	}
	for _, file := range []string{"event.go", "reply.go", "status.go", "peer.go"} {
		for _, name := range testkit.Structs(t, file) {
			if !golden[name] {
				t.Errorf("%s: %s is in no golden value", file, name)
			}
		}
	}
}

// structsOf adds the names of a struct and of those in it.
func structsOf(typ reflect.Type, names map[string]bool) {
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		structsOf(typ.Elem(), names)
	case reflect.Struct:
		if names[typ.Name()] {
			return
		}
		names[typ.Name()] = true
		for i := range typ.NumField() {
			structsOf(typ.Field(i).Type, names)
		}
	}
}
