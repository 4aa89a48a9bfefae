//go:build redis

package counts_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"reddot/cmd/reddot/counts"
	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/redistest"
)

// startRedis starts a Redis, and returns the URL of a database in it with a client.
func startRedis(t *testing.T, args ...string) (url string, c *redis.Client) {
	t.Helper()
	url = redistest.Start(t, args...) + "/3"
	c = redis.NewClient(testkit.Must(redis.ParseURL(url))(t))
	t.Cleanup(func() { testkit.OK(t, c.Close()) })
	return url, c
}

// defaults are the patterns of hashes that hold conversations under reddot's names.
func defaults() counts.Patterns {
	return counts.Patterns{Key: "unread:{user}", C2C: "c2c_{peer}", Group: "group_{group}"}
}

// scan are the rows of a Redis by user and conversation, and a line for each bad one.
func scan(t *testing.T, cfg counts.RedisConfig) (rows map[string]uint64, bad []string) {
	t.Helper()
	r := testkit.Must(counts.OpenRedis(t.Context(), cfg))(t)
	defer func() { testkit.OK(t, r.Close()) }()
	rows = map[string]uint64{}
	users := map[string]bool{}
	last := ""
	for {
		row, err := r.Next(t.Context())
		wrong, isRow := errors.AsType[*counts.RowError](err)
		switch {
		case errors.Is(err, io.EOF):
			return rows, bad
		case isRow:
			bad = append(bad, wrong.Error())
			continue
		}
		testkit.OK(t, err)
		name := row.User + " " + row.Conversation.String()
		if _, again := rows[name]; again {
			t.Errorf("%s is said twice", name)
		}
		if row.User != last && users[row.User] {
			t.Errorf("the rows of %s lie apart", row.User)
		}
		users[row.User], last = true, row.User
		rows[name] = row.Unread
	}
}

// TestRedis reads the hashes of a real Redis: small and large ones, under names that mean
// something to Redis, and nothing else that lies there.
func TestRedis(t *testing.T) {
	url, c := startRedis(t)
	ctx := t.Context()
	want := map[string]uint64{}
	add := func(user string, conversation events.ConversationID, n int64) {
		testkit.OK(t, c.HIncrBy(ctx, "unread:"+user, conversation.String(), n).Err())
		want[user+" "+conversation.String()] = uint64(n)
	}
	c2c := func(peer string) events.ConversationID { return events.ConversationID{Kind: events.C2C, ID: peer} }
	for i := range 3000 {
		add(fmt.Sprintf("user%d", i), c2c("bob"), int64(i))
		add("alice", events.ConversationID{Kind: events.Group, ID: fmt.Sprintf("g%d", i)}, int64(i))
	}
	add("*?[a]\\", c2c("李雷"), 7)
	testkit.OK(t, c.HSet(ctx, "other:alice", "c2c_bob", 1).Err())
	testkit.OK(t, c.Set(ctx, "unread:plain", 5, 0).Err())
	got, bad := scan(t, counts.RedisConfig{URL: url, Patterns: defaults()})
	if diff := cmp.Diff(want, got); diff != "" || len(bad) > 0 {
		t.Errorf("bad %q (-want +got):\n%s", bad, diff)
	}
}

// TestRedisNames reads keys and fields of other names, one that is close to another among
// them, and says which fields are no conversation's or no count.
func TestRedisNames(t *testing.T) {
	url, c := startRedis(t)
	ctx := t.Context()
	testkit.OK(t, c.HSet(ctx, "u[{al*ice}]", "bob", 3, "room:team", "4", "room:", -1, "room:x", "many").Err())
	testkit.OK(t, c.HSet(ctx, "ui{carol}i", "bob", 3).Err())
	got, bad := scan(t, counts.RedisConfig{URL: url, Patterns: counts.Patterns{Key: "u[{{user}}]", C2C: "{peer}", Group: "room:{group}"}})
	want := map[string]uint64{"al*ice c2c_bob": 3, "al*ice group_team": 4}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wrong := []string{`key "u[{al*ice}]", field "room:": unread -1 is negative`, `key "u[{al*ice}]", field "room:x": unread "many" is not a whole number`}
	if diff := cmp.Diff(wrong, bad); diff != "" {
		t.Errorf("bad rows (-want +got):\n%s", diff)
	}
	_, bad = scan(t, counts.RedisConfig{URL: url, Patterns: counts.Patterns{Key: "u[{{user}}]", C2C: "dm:{peer}", Group: "room:{group}"}})
	if len(bad) != 3 || !strings.Contains(strings.Join(bad, "\n"), `field "bob": it is neither --c2c dm:{peer} nor --group room:{group}`) {
		t.Errorf("bad rows %q", bad)
	}
}

// TestRedisRefuses: who may not read, or where there is no Redis, hears why.
func TestRedisRefuses(t *testing.T) {
	url, _ := startRedis(t, "--requirepass", "secret")
	cfg := counts.RedisConfig{URL: url, Patterns: defaults()}
	if _, err := counts.OpenRedis(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
		t.Errorf("without a password: %v", err)
	}
	cfg.Password = "secret"
	if rows, bad := scan(t, cfg); len(rows)+len(bad) > 0 {
		t.Errorf("an empty one: %v, %q", rows, bad)
	}
	ended, cancel := context.WithCancel(t.Context())
	r := testkit.Must(counts.OpenRedis(ended, cfg))(t)
	cancel()
	if _, err := r.Next(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
	testkit.OK(t, r.Close())
}
