package client

import (
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/testkit"
)

// TestReleasedEvents: who has heard the events of a release knows what it has answered, and
// misses nothing.
func TestReleasedEvents(t *testing.T) {
	t.Parallel()
	for _, folder := range testkit.Releases(t) {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			releasedEvents(t, folder)
		})
	}
}

func releasedEvents(t *testing.T, folder string) {
	subjects := testkit.Must(events.NewSubjects(events.DefaultPrefix))(t)
	feeds := map[string]*feed{}
	type answer struct {
		Subject string
		Reply   json.RawMessage
	}
	wanted := map[string]events.ConversationsReply{}
	testkit.EachLine(t, filepath.Join(folder, "answers.jsonl.gz"), func(a answer) {
		if !strings.HasSuffix(a.Subject, "."+events.QueryConversations) {
			return
		}
		var reply events.ConversationsReply
		testkit.OK(t, json.Unmarshal(a.Reply, &reply))
		user := reply.User
		f := &feed{
			client: &Client{subjects: subjects, opts: Options{Logger: slog.New(slog.DiscardHandler)}}, user: &User{id: user}, wake: make(chan struct{}, 1),
			changes: subjects.Change(user), receipt: subjects.Receipt(user), groupReceipt: subjects.GroupReceipt(user),
		}
		f.mu.book, f.mu.listeners, f.mu.stored = newBook(), map[*Subscription]struct{}{}, map[string]uint64{}
		feeds[subjects.Events(user)], wanted[user] = f, reply
	})
	kinds := map[string]int{}
	testkit.EachLine(t, filepath.Join(folder, "events.jsonl.gz"), func(e struct {
		Subject string
		Headers nats.Header
		Data    []byte
	}) {
		m := nats.Msg{Subject: e.Subject, Header: e.Headers, Data: e.Data}
		what := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
		kinds[what+" "+m.Header.Get(events.HeaderContentType)]++
		if f := feeds[strings.TrimSuffix(m.Subject, what)+">"]; f != nil {
			f.hear(&m)
		}
	})
	for _, kind := range []string{"change", "receipt", "group-receipt", "rejected"} {
		for _, encoding := range []string{"application/json", "application/msgpack"} {
			if kinds[kind+" "+encoding] == 0 {
				t.Errorf("no %s in %s", kind, encoding)
			}
		}
	}
	for _, f := range feeds {
		f.mu.Lock()
		if f.mu.asked > 0 || f.client.strange.Load() > 0 {
			t.Errorf("%q: events are thought to be missing, or strange", f.user.id)
		}
		want := map[string]events.Conversation{}
		for _, c := range wanted[f.user.id].Conversations {
			want[c.Conversation] = c
		}
		if d := gocmp.Diff(want, f.mu.book.list, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%q (- answered, + heard):\n%s", f.user.id, d)
		}
		if d := gocmp.Diff(wanted[f.user.id].Totals, f.mu.book.totals); d != "" {
			t.Errorf("%q (- answered, + heard):\n%s", f.user.id, d)
		}
		f.mu.Unlock()
	}
}
