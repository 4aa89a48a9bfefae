package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/testkit"
	"reddot/projector/view"
)

// names are those of users that lie close to each other, and at both ends.
var names = []string{"\x01", "a", "a\x01", "a\x01b", "a ", "ab", "abc", "b", "b\xf4\x8f\xbf\xbf", "ä", "紅", "紅點", "\U0010ffff", strings.Repeat("x", 256)}

// TestUsersAndMembers: who has a conversation, and who is a member of a group with what
// unread, page by page, while joins, leaves and erasures are left to be swept.
func TestUsersAndMembers(t *testing.T) {
	seed := testkit.Seed(t)
	r := newRigAt(t, seed, slow)
	some := func() []string {
		all := slices.Clone(names)
		r.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		return all[:1+r.rng.IntN(len(all))]
	}
	for range testkit.Effort(150) {
		group, user := fmt.Sprint("g", r.rng.IntN(2)), names[r.rng.IntN(len(names))]
		c := events.Command{Verb: events.GroupJoin, Inbox: group, Users: some()}
		switch n := r.rng.IntN(10); {
		case n < 2:
			c.Verb = events.GroupLeave
		case n < 4:
			c = events.Command{Verb: events.UserErase, Inbox: user}
		case n < 5:
			c = events.Command{Verb: events.UserMessage, Inbox: user, ID: fmt.Sprint(len(r.log)), From: "peer"}
		case n < 8:
			c = events.Command{Verb: events.GroupMessage, Inbox: group, ID: fmt.Sprint(len(r.log)), From: user}
		case n < 9:
			c = events.Command{Verb: events.GroupDismiss, Inbox: group}
		}
		r.do(c)
		r.commit()
		r.checkUsers()
	}
}

func (r *rig) checkUsers() {
	r.t.Helper()
	snap := testkit.Must(r.store.Snapshot())(r.t)
	defer snap.Close()
	var users []string
	members := map[string][]events.GroupMember{}
	testkit.OK(r.t, snap.Read(func(rows fold.Reader) error {
		for _, user := range slices.Sorted(slices.Values(names)) {
			if len(rows.Conversations(user)) > 0 {
				users = append(users, user)
			}
			for _, group := range []string{"g0", "g1"} {
				k := fold.Key{User: user, ConversationID: fold.GroupKey(group).ConversationID}
				if c, ok := view.Conversation(rows, k); ok {
					members[group] = append(members[group], events.GroupMember{User: user, Unread: c.Unread})
				}
			}
		}
		return nil
	}))
	r.pages(snap, "", users)
	for _, prefix := range []string{"a", "a\x01", "紅", "x", "none"} {
		r.pages(snap, prefix, slices.DeleteFunc(slices.Clone(users), func(user string) bool { return !strings.HasPrefix(user, prefix) }))
	}
	for _, group := range []string{"g0", "g1"} {
		testkit.OK(r.t, snap.Read(func(rows fold.Reader) error {
			shown, ok := view.Group(rows, group)
			if want := uint64(len(members[group])); ok && shown.Members != want || !ok && want > 0 {
				r.t.Fatalf("seq %d: %s is shown as %+v, %v; it has %d members", len(r.log), group, shown, ok, want)
			}
			q, got := events.MembersRequest{Group: group, Limit: new(1 + r.rng.IntN(4))}, []events.GroupMember(nil)
			for ok {
				page, err := view.Members(rows, q)
				if err != nil {
					return err
				}
				got = append(got, page.Members...)
				q.After, ok = page.Next, page.Next != ""
			}
			if diff := testkit.Diff(members[group], got); diff != "" {
				r.t.Fatalf("seq %d: members of %s (- one by one, + page by page):\n%s", len(r.log), group, diff)
			}
			return nil
		}))
	}
}

// pages lists users with a prefix page by page.
func (r *rig) pages(snap *store.Snapshot, prefix string, want []string) {
	r.t.Helper()
	var got []string
	q := events.UsersRequest{Prefix: prefix, Limit: new(1 + r.rng.IntN(5))}
	for more := true; more; more = q.After != "" {
		page := testkit.Must(view.Users(q, snap.Users))(r.t)
		got = append(got, page.Users...)
		q.After = page.Next
	}
	if diff := testkit.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		r.t.Fatalf("seq %d: users with %q (- one by one, + page by page):\n%s", len(r.log), prefix, diff)
	}
}
