package main_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go"

	"reddot/api/client"
	"reddot/events"
	"reddot/projector/testkit"
)

// follower is an app that shows one user's badge and list with the Go client,
// through every outage.
type follower struct {
	user string
	sub  *client.Subscription

	mu     sync.Mutex
	list   map[string]events.Conversation
	totals events.Totals
	calls  int
	wrong  []string
}

// follow has users followed until the end of the test.
func follow(t *testing.T, url string, users ...string) []*follower {
	t.Helper()
	c, err := client.New(connect(t, url), client.Options{CheckEvery: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	var all []*follower
	for _, user := range users {
		f := &follower{user: user, list: map[string]events.Conversation{}}
		if f.sub, err = c.User(user).Listen(client.Listener{
			ConversationsChanged: f.changed, ConversationsRemoved: f.removed, TotalUnreadChanged: f.total,
		}); err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

func (f *follower) changed(all []events.Conversation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	for _, c := range all {
		if known := f.list[c.Conversation]; known.Version >= c.Version {
			f.wrong = append(f.wrong, fmt.Sprintf("%s: version %d comes after %d", c.Conversation, c.Version, known.Version))
		}
		f.list[c.Conversation] = c
	}
}

func (f *follower) removed(names []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	for _, name := range names {
		delete(f.list, name)
	}
}

// total hears the totals, after the list that they belong to (rule total).
func (f *follower) total(totals events.Totals) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	f.totals = totals
	if sum := unreadIn(slices.Collect(maps.Values(f.list))); sum != totals.Unread {
		f.wrong = append(f.wrong, fmt.Sprintf("told %d unread in all, the list says %d", totals.Unread, sum))
	}
}

// shows reports whether the app shows what a query answers.
func (f *follower) shows(want events.ConversationsReply) (diff string, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make(map[string]events.Conversation, len(want.Conversations))
	for _, c := range want.Conversations {
		list[c.Conversation] = c
	}
	if f.totals == want.Totals && maps.EqualFunc(list, f.list, sameLook) {
		return "", true
	}
	return cmp.Diff(want.Totals, f.totals) + cmp.Diff(list, f.list, cmpopts.EquateEmpty()), false
}

// sameLook compares what is shown; an app is not told of a version alone.
func sameLook(a, b events.Conversation) bool {
	a.Version, b.Version = 0, 0
	return cmp.Equal(a, b)
}

// converges waits until the app shows what a query answers, and checks that
// nothing wrong was told on the way.
func (f *follower) converges(t *testing.T, want events.ConversationsReply) {
	t.Helper()
	what := fmt.Sprintf("the app of %q shows its list", f.user)
	defer func() {
		if diff, ok := f.shows(want); !ok {
			t.Errorf("the app of %q (- query, + app):\n%s", f.user, diff)
		}
	}()
	testkit.Eventually(t, what, func() bool {
		_, ok := f.shows(want)
		return ok
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, wrong := range f.wrong {
		t.Errorf("the app of %q: %s", f.user, wrong)
	}
}

// askEvery is how often an asker asks.
const askEvery = 2 * time.Millisecond

// asker asks for lists all the time. Whatever is answered adds up, and no
// version goes backward.
type asker struct {
	stop    chan struct{}
	stopped chan struct{}

	answers, errors int
	wrong           []string
}

// askAlways begins to ask for the lists of some users.
func askAlways(t *testing.T, url string, users ...string) *asker {
	t.Helper()
	a := &asker{stop: make(chan struct{}), stopped: make(chan struct{})}
	nc, s := connect(t, url), subjects(t)
	go func() {
		defer close(a.stopped)
		tick := time.NewTicker(askEvery)
		defer tick.Stop()
		version := map[string]events.Seq{}
		for n := 0; ; n++ {
			user := users[n%len(users)]
			select {
			case <-a.stop:
				return
			case <-tick.C:
			}
			if reply, err := askSoon[events.ConversationsReply](nc, s.Query(user, events.QueryConversations), request{Limit: events.MaxLimit}); err != nil {
				a.errors++
			} else {
				a.take(user, version[user], reply)
				version[user] = reply.Version
			}
		}
	}()
	return a
}

// askSoon asks and does not wait for a server that is away.
func askSoon[T any](nc *nats.Conn, subject string, r request) (T, error) {
	const patience = 200 * time.Millisecond
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return ask[T](ctx, nc, subject, r)
}

func (a *asker) take(user string, before events.Seq, reply events.ConversationsReply) {
	a.answers++
	if reply.Version < before {
		a.wrong = append(a.wrong, fmt.Sprintf("%q: an answer of version %d comes after one of %d", user, reply.Version, before))
	}
	if sum := unreadIn(reply.Conversations); reply.Next == "" && sum != reply.Totals.Unread {
		a.wrong = append(a.wrong, fmt.Sprintf("%q: %d unread in all, %d in the list", user, reply.Totals.Unread, sum))
	}
}

// unreadIn sums up what counts for the totals (rules level, label).
func unreadIn(list []events.Conversation) (sum uint64) {
	for _, c := range list {
		switch {
		case c.Muted || slices.Contains(c.Labels, events.LabelArchived):
		case c.Level == events.LevelMentions.String():
			sum += c.Mentions
		default:
			sum += c.Unread
		}
	}
	return sum
}

// end stops asking, and fails the test if anything answered was wrong.
func (a *asker) end(t *testing.T) {
	t.Helper()
	close(a.stop)
	<-a.stopped
	for _, wrong := range a.wrong[:min(len(a.wrong), 10)] {
		t.Errorf("asked (1 of %d): %s", len(a.wrong), wrong)
	}
}
