package client_test

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"reddot/api/client"
	"reddot/events"
)

// respond answers requests with a text.
func respond(text string) nats.MsgHandler {
	return func(m *nats.Msg) { _ = m.Respond([]byte(text)) }
}

// TestCommands stores every command in both encodings and reads them back from
// the stream.
func TestCommands(t *testing.T) {
	t.Parallel()
	h := start(t)
	ctx, at := t.Context(), client.At(time.UnixMilli(1700000000123))
	bob := events.ConversationID{Kind: events.C2C, ID: "bob"}
	team := events.ConversationID{Kind: events.Group, ID: "team"}
	backEnds := []events.Verb{events.UserMessage, events.UserSent, events.UserRevoke, events.UserErase, events.UserEdit, events.UserImport}
	stored := map[events.Verb]bool{}
	for _, encoding := range []events.Encoding{events.Msgpack, events.JSON} {
		c := h.client(t, client.Options{Encoding: encoding})
		alice := c.User("alice")
		for _, x := range []struct {
			want events.Command
			send func() (events.Seq, error)
		}{
			{events.Command{Verb: events.UserMessage, Inbox: "alice", ID: "m1", From: "bob", Silent: true, Mentions: []string{"alice"}, Thread: "t", At: 1700000000123, HasAt: true},
				func() (events.Seq, error) {
					return c.MessageReceived(ctx, "alice", client.Message{ID: "m1", From: "bob", Silent: true, Mentions: []string{"alice"}, Thread: "t"}, at)
				}},
			{events.Command{Verb: events.UserSent, Inbox: "alice", ID: "m1", To: "bob"},
				func() (events.Seq, error) { return c.MessageSent(ctx, "alice", "bob", "m1") }},
			{events.Command{Verb: events.UserRevoke, Inbox: "alice", ID: "m1", From: "bob"},
				func() (events.Seq, error) { return c.Revoke(ctx, "alice", "bob", "m1") }},
			{events.Command{Verb: events.GroupMessage, Inbox: "team", ID: "g1", From: "bob", MentionAll: true},
				func() (events.Seq, error) {
					return c.GroupMessage(ctx, "team", client.Message{ID: "g1", From: "bob", MentionAll: true})
				}},
			{events.Command{Verb: events.GroupRevoke, Inbox: "team", ID: "g1"},
				func() (events.Seq, error) { return c.GroupRevoke(ctx, "team", "g1") }},
			{events.Command{Verb: events.GroupJoin, Inbox: "team", Users: []string{"alice", "bob"}},
				func() (events.Seq, error) { return c.Join(ctx, "team", []string{"alice", "bob"}) }},
			{events.Command{Verb: events.GroupLeave, Inbox: "team", Users: []string{"bob"}},
				func() (events.Seq, error) { return c.Leave(ctx, "team", []string{"bob"}) }},
			{events.Command{Verb: events.GroupDismiss, Inbox: "team"},
				func() (events.Seq, error) { return c.Dismiss(ctx, "team") }},
			{events.Command{Verb: events.GroupMessage, Inbox: "team", ID: "g2", From: "bob", Thread: "g1", Broadcast: true, Receipt: true, ExpiresAt: 1700000000999, HasExpiresAt: true},
				func() (events.Seq, error) {
					return c.GroupMessage(ctx, "team", client.Message{ID: "g2", From: "bob", Thread: "g1", Broadcast: true, Receipt: true, ExpiresAt: time.UnixMilli(1700000000999)})
				}},
			{events.Command{Verb: events.UserEdit, Inbox: "alice", ID: "m1", From: "bob", Mentions: []string{"alice"}},
				func() (events.Seq, error) { return c.Edit(ctx, "alice", "bob", "m1", []string{"alice"}) }},
			{events.Command{Verb: events.GroupEdit, Inbox: "team", ID: "g1", MentionAll: true},
				func() (events.Seq, error) { return c.GroupEdit(ctx, "team", "g1", nil, true) }},
			{events.Command{Verb: events.GroupPurge, Inbox: "team", Before: "g2"},
				func() (events.Seq, error) { return c.Purge(ctx, "team", client.Before("g2")) }},
			{events.Command{Verb: events.GroupPurge, Inbox: "team", BeforeAt: 1700000000123, HasBeforeAt: true},
				func() (events.Seq, error) {
					return c.Purge(ctx, "team", client.BeforeTime(time.UnixMilli(1700000000123)))
				}},
			{events.Command{Verb: events.PolicySet, OwnMessage: events.OwnAdvance, ThreadPolicy: events.ThreadsApart, GroupReceipts: events.ReceiptsMembers},
				func() (events.Seq, error) {
					return c.SetPolicies(ctx, client.Policies{OwnMessage: events.OwnAdvance, Threads: events.ThreadsApart, GroupReceipts: events.ReceiptsMembers})
				}},
			{events.Command{Verb: events.ClockSet, At: 1700000000123, HasAt: true},
				func() (events.Seq, error) { return c.SetClock(ctx, time.UnixMilli(1700000000123)) }},
			{events.Command{Verb: events.UserImport, Inbox: "alice", Conversations: []events.Import{{Conversation: bob, Unread: 3, Mentions: 1, Labels: []string{"pinned"}}}},
				func() (events.Seq, error) {
					return alice.Import(ctx, []events.Import{{Conversation: bob, Unread: 3, Mentions: 1, Labels: []string{"pinned"}}})
				}},
			{events.Command{Verb: events.UserRead, Inbox: "alice", Conversation: bob, Upto: "m1", Private: true},
				func() (events.Seq, error) {
					return alice.MarkC2CRead(ctx, "bob", client.Upto("m1"), client.Private())
				}},
			{events.Command{Verb: events.UserRead, Inbox: "alice", Conversation: team, UptoAt: 1700000000123, HasUptoAt: true},
				func() (events.Seq, error) {
					return alice.MarkGroupRead(ctx, "team", client.UptoTime(time.UnixMilli(1700000000123)))
				}},
			{events.Command{Verb: events.UserReadAll, Inbox: "alice", Kind: events.Group, Private: true},
				func() (events.Seq, error) {
					return alice.MarkAllRead(ctx, client.Kind(events.Group), client.Private())
				}},
			{events.Command{Verb: events.UserRead, Inbox: "alice", Conversation: team, Thread: "g1", HasThread: true, Upto: "g2"},
				func() (events.Seq, error) {
					return alice.MarkGroupRead(ctx, "team", client.InThread("g1"), client.Upto("g2"))
				}},
			{events.Command{Verb: events.UserRead, Inbox: "alice", Conversation: team, HasThread: true},
				func() (events.Seq, error) { return alice.MarkGroupRead(ctx, "team", client.InMainTimeline()) }},
			{events.Command{Verb: events.UserReadAll, Inbox: "alice", Threads: true},
				func() (events.Seq, error) { return alice.MarkAllRead(ctx, client.AllThreads()) }},
			{events.Command{Verb: events.UserUnread, Inbox: "alice", Conversation: team, From: "g2", Thread: "g1", HasThread: true},
				func() (events.Seq, error) {
					return alice.MarkUnread(ctx, "group_team", client.FromMessage("g2"), client.InThread("g1"))
				}},
			{events.Command{Verb: events.UserUnread, Inbox: "alice", Conversation: bob, From: "m1"},
				func() (events.Seq, error) { return alice.MarkUnread(ctx, "c2c_bob", client.FromMessage("m1")) }},
			{events.Command{Verb: events.UserMute, Inbox: "alice", Conversation: team, Muted: true},
				func() (events.Seq, error) { return alice.Mute(ctx, "group_team", true) }},
			{events.Command{Verb: events.UserMute, Inbox: "alice", Conversation: team, Muted: true, Thread: "g1"},
				func() (events.Seq, error) { return alice.Mute(ctx, "group_team", true, client.InThread("g1")) }},
			{events.Command{Verb: events.UserLevel, Inbox: "alice", Conversation: team, Level: events.LevelMentions},
				func() (events.Seq, error) { return alice.SetLevel(ctx, "group_team", events.LevelMentions) }},
			{events.Command{Verb: events.UserLabel, Inbox: "alice", Conversation: team, Add: []string{"a"}, Remove: []string{"b"}},
				func() (events.Seq, error) {
					return alice.Label(ctx, "group_team", []string{"a"}, []string{"b"})
				}},
			{events.Command{Verb: events.UserFilter, Inbox: "alice", Name: "work", Filter: &events.Filter{Kind: events.Group, Label: new("")}},
				func() (events.Seq, error) {
					return alice.SetFilter(ctx, "work", events.Filter{Kind: events.Group, Label: new("")})
				}},
			{events.Command{Verb: events.UserFilter, Inbox: "alice", Name: "work"},
				func() (events.Seq, error) { return alice.DropFilter(ctx, "work") }},
			{events.Command{Verb: events.UserBlock, Inbox: "alice", Users: []string{"bob"}, Blocked: true},
				func() (events.Seq, error) { return alice.Block(ctx, []string{"bob"}, true) }},
			{events.Command{Verb: events.UserFollow, Inbox: "alice", Conversation: team, Thread: "g1", Following: true},
				func() (events.Seq, error) { return alice.Follow(ctx, "group_team", "g1", true) }},
			{events.Command{Verb: events.UserClear, Inbox: "alice", Conversation: bob, Before: "m1"},
				func() (events.Seq, error) { return alice.ClearHistory(ctx, "c2c_bob", client.Before("m1")) }},
			{events.Command{Verb: events.UserDelete, Inbox: "alice", Conversation: bob},
				func() (events.Seq, error) { return alice.DeleteConversation(ctx, "c2c_bob") }},
			{events.Command{Verb: events.UserErase, Inbox: "alice"},
				func() (events.Seq, error) { return alice.Erase(ctx, client.WaitApplied()) }},
		} {
			seq, err := x.send()
			if err != nil {
				t.Errorf("%s: %v", x.want.Verb, err)
				continue
			}
			stored[x.want.Verb] = true
			payload, got := h.command(t, seq)
			written := encoding
			if own := x.want.Verb.Inbox() == "user" && !slices.Contains(backEnds, x.want.Verb); own {
				written = events.Msgpack // by reddot
			}
			if isJSON := payload[0] == '{'; isJSON != (written == events.JSON) {
				t.Errorf("%s is not %s: %q", x.want.Verb, written, payload)
			}
			if diff := cmp.Diff(x.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", x.want.Verb, diff)
			}
		}
	}
	for _, v := range events.Verbs() {
		if !stored[v] {
			t.Errorf("nothing stores %s", v)
		}
	}
}

// TestCommandsInvalid checks that what breaks a rule is not sent.
func TestCommandsInvalid(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{})
	alice, ctx := c.User("alice"), t.Context()
	for reason, err := range map[string]error{
		"user is empty":         second(c.User("").MarkAllRead(ctx)),
		"from is empty":         second(c.MessageReceived(ctx, "alice", client.Message{ID: "m1"})),
		"conversation is empty": second(alice.MarkC2CRead(ctx, "")),
		"conversation begins with neither c2c_ nor group_":    second(alice.Mute(ctx, "bob", true)),
		"upto is not a field of user.mute":                    second(alice.Mute(ctx, "c2c_bob", true, client.Upto("m1"))),
		"mention_all is not a field of user.message":          second(c.MessageReceived(ctx, "alice", client.Message{ID: "m1", From: "bob", MentionAll: true})),
		"thread is not a field of user.mute":                  second(alice.Mute(ctx, "c2c_bob", true, client.InThread(""))),
		"thread is empty":                                     second(alice.Follow(ctx, "group_team", "", true)),
		"thread is longer than 256 bytes":                     second(alice.MarkGroupRead(ctx, "team", client.InThread(strings.Repeat("t", 257)))),
		"before or before_at is missing":                      second(c.Purge(ctx, "team")),
		"before_at is not a field of user.clear":              second(alice.ClearHistory(ctx, "c2c_bob", client.BeforeTime(time.UnixMilli(1)))),
		"level is none of \"all\", \"mentions\" and \"none\"": second(alice.SetLevel(ctx, "c2c_bob", events.NoLevel)),
		"add: a label is empty":                               second(alice.Label(ctx, "c2c_bob", []string{""}, nil)),
		"name is empty":                                       second(alice.DropFilter(ctx, "")),
		"conversations: mentions is more than unread":         second(alice.Import(ctx, []events.Import{{Conversation: events.ConversationID{Kind: events.C2C, ID: "bob"}, Mentions: 1}})),
		"users has more than 10000 entries":                   second(c.Join(ctx, "team", make([]string, 10_001))),
		"at is outside 0 to 2^53-1":                           second(alice.MarkAllRead(ctx, client.At(time.UnixMilli(-1)))),
		"unknown verb":                                        second(c.Send(ctx, events.Command{})),
		`kind is neither "c2c" nor "group"`:                   second(alice.MarkAllRead(ctx, client.Kind(9))),
		"payload is larger than 256 KiB":                      second(c.Join(ctx, "team", longIDs(1100))),
		"key is not 1 to 200 characters long":                 second(alice.MarkAllRead(ctx, client.Key(strings.Repeat("k", 201)))),
		"key holds a character that is not visible ASCII":     second(alice.MarkAllRead(ctx, client.Key("a b"))),
		"key is for what a user asks for, not for commands that are stored by the back end itself": second(c.Dismiss(ctx, "team", client.Key("k"))),
		"conversation is not a field of user.read-all":                                             second(c.Send(ctx, events.Command{Verb: events.UserReadAll, Inbox: "a", Conversation: events.ConversationID{Kind: events.C2C, ID: "b"}})),
	} {
		var invalid *events.Invalid
		if !errors.As(err, &invalid) || invalid.Reason != reason {
			t.Errorf("want %q, got %v", reason, err)
		}
	}
	status, err := c.Status(ctx)
	if err != nil || status.Last != 0 {
		t.Errorf("%d commands were sent, %v", status.Last, err)
	}
}

func longIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = strings.Repeat("x", events.MaxID)
	}
	return ids
}

// TestOptions checks what New refuses.
func TestOptions(t *testing.T) {
	t.Parallel()
	h := start(t)
	conn := h.connect(t)
	if _, err := client.New(nil, client.Options{}); err == nil {
		t.Error("no connection is accepted")
	}
	for what, opts := range map[string]client.Options{
		"prefix": {Prefix: "a.b"}, "timeout": {Timeout: -1}, "pending": {MaxPending: -1}, "encoding": {Encoding: 7},
	} {
		if _, err := client.New(conn, opts); err == nil || !strings.HasPrefix(err.Error(), "reddot client: ") {
			t.Errorf("bad %s: %v", what, err)
		}
	}
	c, err := client.New(conn, client.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, err := c.Status(t.Context()); err != nil {
		t.Errorf("ask after Close: %v", err)
	}
	conn.Close()
	var failed *client.CommandError
	if _, err := c.Send(t.Context(), message("alice", "bob", "m1")); !errors.As(err, &failed) || failed.Uncertain {
		t.Errorf("send on a closed connection: %v", err)
	}
	if _, err := c.NewPublisher(t.Context()); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("publish on a closed connection: %v", err)
	}
}

// TestPermissions has a user's device with permissions for nothing but what is
// the user's own, and one that may not hear.
func TestPermissions(t *testing.T) {
	t.Parallel()
	h := start(t, func(h *host) {
		inbox := []string{"unread.inbox.alice.>"}
		own := &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: []string{"unread.do.alice.>", "unread.api.alice.>"}},
			Subscribe: &server.SubjectPermission{Allow: append([]string{"unread.evt.alice.>"}, inbox...)},
		}
		deaf := &server.Permissions{Publish: own.Publish, Subscribe: &server.SubjectPermission{Allow: inbox}}
		h.users = []*server.User{
			{Username: "reddot", Password: "pass"},
			{Username: "alice", Password: "pass", Permissions: own},
			{Username: "deaf", Password: "pass", Permissions: deaf},
		}
	})
	back := h.client(t, client.Options{})
	p := publisher(t, back)
	add(t, p, message("alice", "bob", "m1"))
	flush(t, back, p)
	inbox, err := client.InboxPrefix("", "alice")
	if err != nil {
		t.Fatal(err)
	}
	as := func(user string) nats.Option {
		return func(o *nats.Options) error {
			return errors.Join(nats.UserInfo(user, "pass")(o), nats.CustomInboxPrefix(inbox)(o))
		}
	}
	alice := newClient(t, h.connect(t, as("alice")), client.Options{WatchLargeGroups: true}).User("alice")
	r := listen(t, alice)
	r.ready()
	seq, err := alice.MarkC2CRead(t.Context(), "bob", client.WaitEmitted())
	if err != nil {
		t.Fatal(err)
	}
	if err := alice.WaitApplied(t.Context(), seq); err != nil {
		t.Error(err)
	}
	r.until("the read", func() bool { return r.totals.Unread == 0 })
	if len(r.errs) > 0 {
		t.Errorf("told %v", r.errs)
	}

	deaf := listen(t, newClient(t, h.connect(t, as("deaf")), client.Options{}).User("alice"))
	deaf.ready()
	deaf.until("an error", func() bool { return len(deaf.errs) > 0 })
	if !errors.Is(deaf.errs[0], nats.ErrPermissionViolation) || !strings.Contains(deaf.errs[0].Error(), "unread.evt.alice.>") {
		t.Errorf("told %v", deaf.errs[0])
	}
}
