package client_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"reddot/api/client"
	"reddot/events"
)

// TestForeignCursors gives each query that has pages the cursors of the others, of
// other conversations and of nobody: it answers with a page, or that it knows no such
// cursor.
func TestForeignCursors(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.client(t, client.Options{})
	alice, ctx := c.User("alice"), t.Context()
	commands := []events.Command{{Verb: events.PolicySet, GroupReceipts: events.ReceiptsMembers}}
	for _, group := range []string{"team", "crew"} {
		commands = append(commands, join(group, "alice", "bob", "carol"))
		for i := range 3 {
			id := fmt.Sprint("g", i)
			commands = append(commands, events.Command{Verb: events.GroupMessage, Inbox: group, From: "bob", ID: id, Thread: id, Mentions: []string{"alice"}})
		}
	}
	script(t, c, commands...)

	group := func(name string) events.ConversationID { return events.ConversationID{Kind: events.Group, ID: name} }
	page := map[string]func(after string) (string, error){
		"conversations": func(after string) (string, error) {
			r, err := alice.Page(ctx, events.ConversationsRequest{Limit: new(1), After: after})
			return r.Next, err
		},
		"followed threads": func(after string) (string, error) {
			r, err := alice.ThreadsPage(ctx, events.ThreadsRequest{Limit: new(1), After: after})
			return r.Next, err
		},
		"threads of team": func(after string) (string, error) {
			r, err := alice.ThreadsPage(ctx, events.ThreadsRequest{Conversation: group("team"), Limit: new(1), After: after})
			return r.Next, err
		},
		"threads of crew": func(after string) (string, error) {
			r, err := alice.ThreadsPage(ctx, events.ThreadsRequest{Conversation: group("crew"), Limit: new(1), After: after})
			return r.Next, err
		},
		"who has not read": func(after string) (string, error) {
			r, err := alice.ReadersPage(ctx, events.ReadersRequest{Group: "team", ID: "g1", Read: new(false), Limit: new(1), After: after})
			return r.Next, err
		},
	}
	cursors := []string{" ", "!", "AA", strings.Repeat("A", events.MaxCursor), strings.Repeat("A", events.MaxCursor+1)}
	for _, text := range []string{"", " ", "0 ", "18446744073709551616 c2c_x", "-1 group_team", "7 \x00", "7 group_team\x00g1", "\xff\xfe", "99999 a b c", strings.Repeat("u", 300)} {
		cursors = append(cursors, base64.RawURLEncoding.EncodeToString([]byte(text)), base64.StdEncoding.EncodeToString([]byte(text)))
	}
	for what, ask := range page {
		next, err := ask("")
		if err != nil || next == "" {
			t.Errorf("%s: a first page of one has no next: %v", what, err)
		}
		cursors = append(cursors, next)
	}
	for what, ask := range page {
		for _, cursor := range cursors {
			if _, err := ask(cursor); err != nil && !errors.Is(err, events.ErrBadRequest) {
				t.Errorf("%s after %.80q: %v", what, cursor, err)
			}
		}
	}
}
