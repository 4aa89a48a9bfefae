//go:build redis

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/redistest"
)

// TestImportFromRedis imports the counters of a real Redis, and says what is wrong with
// one.
func TestImportFromRedis(t *testing.T) {
	s, stream := testServer(t)
	t.Setenv("NATS_URL", s.URL())
	url := redistest.Start(t, "--requirepass", "secret")
	counters := redis.NewClient(testkit.Must(redis.ParseURL(strings.Replace(url, "//", "//:secret@", 1)))(t))
	defer func() { testkit.OK(t, counters.Close()) }()
	for field, n := range map[string]int64{"dm:bob": 3, "room:team": 12} {
		testkit.OK(t, counters.HIncrBy(t.Context(), "n/alice", field, n).Err())
	}
	args := []string{"--from", "redis", "--key", "n/{user}", "--c2c", "dm:{peer}", "--group", "room:{group}", url}
	reddot(t, nil, append([]string{"import"}, args...)...).failed(t, exitFailed, "connect to the Redis at 127.0.0.1:", "NOAUTH")
	args = append(args, "--redis-password-file", file(t, "password", []byte("secret\n")))
	if out := reddot(t, nil, append([]string{"import", "--dry-run"}, args...)...).done(t); out != "would import 2 conversations of 1 user in 1 command: 15 unread, 0 mentions\n" {
		t.Errorf("stdout %q", out)
	}
	reddot(t, nil, append([]string{"import"}, args...)...).done(t)
	got := map[string]uint64{}
	for _, c := range importsIn(t, stream, 1) {
		for _, i := range c.Conversations {
			got[c.Inbox+" "+i.Conversation.String()] = i.Unread
		}
	}
	if diff := cmp.Diff(map[string]uint64{"alice c2c_bob": 3, "alice group_team": 12}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	serve(t, s.URL(), "unread.api.alice.conversations", func(int, query) answer {
		return answer{body: events.ConversationsReply{User: "alice", Conversations: []events.Conversation{{Conversation: "c2c_bob", Unread: 3}, {Conversation: "group_team", Unread: 11}}}}
	})
	r := reddot(t, nil, append([]string{"compare"}, args...)...)
	says(t, r, "1 conversation is not what "+url+" says")
	if want := "alice group_team: unread is 12 in " + url + ", 11 in reddot\n"; !strings.HasPrefix(r.stdout, want) {
		t.Errorf("stdout %q, want %q", r.stdout, want)
	}
	testkit.OK(t, counters.HIncrBy(t.Context(), "n/alice", "dm:bob", -9).Err())
	r = reddot(t, nil, append([]string{"import", "--dry-run"}, args...)...)
	says(t, r, url+": 1 row can't be imported")
	if want := `key "n/alice", field "dm:bob": unread -6 is negative`; !strings.Contains(r.stdout, want) {
		t.Errorf("stdout %q, want %q", r.stdout, want)
	}
}
