package client_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reddot/api/client"
	"reddot/events"
	"reddot/projector/testkit"
)

// TestQueries asks every question once.
func TestQueries(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{})
	alice := c.User("alice")
	at := func(ms int64) client.CommandOption { return client.At(time.UnixMilli(ms)) }
	ctx := t.Context()
	script(t, c, join("team", "alice", "bob"))
	var seq events.Seq
	for i, send := range []func() (events.Seq, error){
		func() (events.Seq, error) {
			return c.MessageReceived(ctx, "alice", client.Message{ID: "m1", From: "bob", Mentions: []string{"alice"}, Thread: "t"}, at(1002))
		},
		func() (events.Seq, error) {
			return c.MessageReceived(ctx, "bob", client.Message{ID: "a1", From: "alice"}, at(1003))
		},
		func() (events.Seq, error) { return c.MessageSent(ctx, "alice", "bob", "a1", at(1003)) },
		func() (events.Seq, error) {
			return c.GroupMessage(ctx, "team", client.Message{ID: "g1", From: "bob"}, at(1005))
		},
		func() (events.Seq, error) { return alice.Mute(ctx, client.Group("team"), true, at(1006)) },
		func() (events.Seq, error) { return c.User("bob").MarkC2CRead(ctx, "alice", at(1007)) },
	} {
		var err error
		if seq, err = send(); err != nil || int(seq) != i+2 {
			t.Fatalf("command %d: %d, %v", i, seq, err)
		}
	}
	after := client.After(seq)

	n, err := alice.TotalUnread(ctx, after)
	same(t, "TotalUnread", err, uint64(1), n)
	totals := events.Totals{Unread: 1, C2C: 1, Mentions: 1, Conversations: 1, Muted: 1}
	all, err := alice.Totals(ctx, events.TotalsRequest{})
	same(t, "Totals", err, events.TotalsReply{User: "alice", Version: 6, Totals: totals}, all)
	groups, err := alice.Totals(ctx, events.TotalsRequest{Kind: events.Group, IncludeMuted: true})
	same(t, "Totals of groups", err, events.Totals{Unread: 1, Group: 1, Conversations: 1, Muted: 1}, groups.Totals)
	mentioned, err := alice.Totals(ctx, events.TotalsRequest{IncludeMuted: true, Mentioned: true})
	same(t, "Totals of mentions", err, events.Totals{Unread: 1, C2C: 1, Mentions: 1, Conversations: 1}, mentioned.Totals)

	team := events.Conversation{
		Conversation: "group_team", Unread: 1, Muted: true, Level: "none", FirstUnread: "g1", Version: 6,
		LastMessage: &events.LastMessage{ID: "g1", From: "bob", At: 1005},
	}
	bob := events.Conversation{
		Conversation: "c2c_bob", Unread: 1, Mentions: 1, FirstUnread: "m1", Version: 4,
		LastMessage: &events.LastMessage{ID: "a1", From: "alice", At: 1003},
	}
	page, err := alice.Page(ctx, events.ConversationsRequest{Limit: new(1)})
	if page.Next == "" {
		t.Error("the first of two pages has no next")
	}
	page.Next = ""
	same(t, "Page", err, events.ConversationsReply{User: "alice", Version: 6, Totals: totals, Conversations: []events.Conversation{team}}, page)
	for q, want := range map[events.ConversationsRequest][]events.Conversation{
		{}:                                     {team, bob},
		{Limit: new(1)}:                        {team, bob},
		{Kind: events.C2C}:                     {bob},
		{Kind: events.Group, UnreadOnly: true}: {team},
		{Mentioned: true}:                      {bob},
	} {
		var got []events.Conversation
		for c, err := range alice.Conversations(ctx, q) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, c)
		}
		same(t, fmt.Sprintf("Conversations %+v", q), nil, want, got)
	}
	for c, err := range alice.Conversations(ctx, events.ConversationsRequest{Limit: new(1)}) {
		same(t, "the first of Conversations", err, team, c)
		break
	}

	one, err := alice.Conversation(ctx, client.C2C("bob"))
	same(t, "Conversation", err, bob, one)
	why, err := alice.Explain(ctx, client.C2C("bob"), 0)
	same(t, "Explain", err, events.Explanation{
		User: "alice", Version: 6, Conversation: "c2c_bob", Unread: 1, Mentions: 1, SinceRead: 1,
		Messages: []events.ExplainedMessage{{ID: "m1", From: "bob", At: 1002, Seq: 2, Mention: true, Thread: "t"}},
	}, why)
	receipt, err := alice.PeerReceipt(ctx, "bob")
	same(t, "PeerReceipt", err, events.ReceiptReply{User: "alice", Version: 7, Peer: "bob", Upto: "a1", At: 1007}, receipt)
	status, err := c.Status(ctx)
	if err != nil || status.Applied != seq || status.Stream != "UNREAD_COMMANDS" {
		t.Errorf("Status %+v, %v", status, err)
	}
}

// same checks an answer.
func same(t *testing.T, what string, err error, want, got any) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	} else if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// TestQueryErrors checks what questions fail with.
func TestQueryErrors(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{})
	alice := c.User("alice")
	ctx := t.Context()
	var invalid *events.Invalid
	var refused *client.QueryError

	for what, err := range map[string]error{
		"conversation": second(alice.Conversation(ctx, "c2c_bob")),
		"explain":      second(alice.Explain(ctx, "c2c_bob", 5)),
		"receipt":      second(alice.PeerReceipt(ctx, "bob")),
	} {
		if !errors.Is(err, client.ErrNotFound) || !errors.As(err, &refused) || refused.Query != what || refused.User != "alice" || refused.Code != 404 {
			t.Errorf("%s that is not there: %v", what, err)
		}
	}
	for what, err := range map[string]error{
		"user":                    second(c.User("").TotalUnread(ctx)),
		"conversation":            second(alice.Conversation(ctx, "bob")),
		"conversation to explain": second(alice.Explain(ctx, "", 0)),
		"peer":                    second(alice.PeerReceipt(ctx, "\x00")),
	} {
		if !errors.As(err, &invalid) {
			t.Errorf("%s that can't be: %v", what, err)
		}
	}
	for what, q := range map[string]events.ConversationsRequest{"limit": {Limit: new(201)}, "cursor": {After: "?"}} {
		_, err := alice.Page(ctx, q)
		if !errors.As(err, &refused) || refused.Code != 400 || errors.Is(err, client.ErrUnavailable) {
			t.Errorf("bad %s: %v", what, err)
		}
	}
	for _, err := range alice.Conversations(ctx, events.ConversationsRequest{After: "?"}) {
		if !errors.As(err, &refused) {
			t.Errorf("bad cursor: %v", err)
		}
	}

	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if _, err := alice.TotalUnread(short, client.After(99)); !errors.Is(err, client.ErrNotApplied) {
		t.Errorf("after a command yet to come: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := alice.TotalUnread(cancelled); !errors.Is(err, context.Canceled) || errors.Is(err, client.ErrUnavailable) {
		t.Errorf("cancelled: %v", err)
	}
	if err := c.WaitApplied(cancelled, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled wait: %v", err)
	}
	for _, wait := range []func(context.Context, events.Seq) error{c.WaitApplied, c.WaitEmitted, alice.WaitApplied} {
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		if err := wait(short, 99); !errors.Is(err, client.ErrNotApplied) {
			t.Errorf("wait for a command yet to come: %v", err)
		}
		cancel()
		if err := wait(ctx, 0); err != nil {
			t.Errorf("wait for nothing: %v", err)
		}
	}
	if err := c.User("").WaitApplied(ctx, 1); !errors.As(err, &invalid) {
		t.Errorf("wait for nobody: %v", err)
	}

	// Somebody else answers, with something else.
	conn := h.connect(t)
	if _, err := conn.Subscribe("odd.api.>", respond("[]")); err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	odd := h.client(t, client.Options{Prefix: "odd"})
	if _, err := odd.Status(ctx); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("an odd answer: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestEveryQueryHasAMethod: each query that package events names is asked
// somewhere in this package.
func TestEveryQueryHasAMethod(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	source := ""
	for _, file := range files {
		if text, err := os.ReadFile(file); err != nil {
			t.Fatal(err)
		} else if !strings.HasSuffix(file, "_test.go") {
			source += string(text)
		}
	}
	for name := range testkit.Constants(t, "../../events/request.go", "Query") {
		if !regexp.MustCompile(`(query: |question\()events\.` + name + `\b`).MatchString(source) {
			t.Errorf("events.%s is asked nowhere", name)
		}
	}
}
