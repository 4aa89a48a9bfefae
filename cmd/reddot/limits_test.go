package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/testkit"
)

// numbered are n words in JSON, without brackets.
func numbered(prefix string, n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = fmt.Sprintf("%q", fmt.Sprint(prefix, i))
	}
	return strings.Join(words, ",")
}

// TestLimitsAreTold has a user at every limit ask for more, by hand and as a phone does:
// both are told what is wrong, and nothing of it is kept.
func TestLimitsAreTold(t *testing.T) {
	address, _ := served(t, t.TempDir(), "127.0.0.1:0")
	t.Setenv("NATS_URL", address)
	lines := []string{
		`{"subject":"unread.cmd.group.team.join","payload":{"users":["alice"]}}`,
		`{"subject":"unread.cmd.user.alice.message","payload":{"id":"m1","from":"bob"}}`,
		`{"subject":"unread.cmd.user.alice.label","payload":{"conversation":"c2c_bob","add":[` + numbered("l", 32) + `]}}`,
		`{"subject":"unread.cmd.user.alice.block","payload":{"blocked":true,"users":[` + numbered("u", 1000) + `]}}`,
	}
	for i := range 20 {
		lines = append(lines, fmt.Sprintf(`{"subject":"unread.cmd.user.alice.filter","payload":{"name":"f%d","filter":{"label":"l1"}}}`, i))
	}
	reddot(t, strings.NewReader(strings.Join(lines, "\n")), "publish", "--wait").done(t)
	state := func() string {
		return reddot(t, nil, "show", "alice", "--json").done(t) + reddot(t, nil, "threads", "alice", "group_team", "--json").done(t)
	}
	before := state()
	long, longThread := strings.Repeat("l", 65), strings.Repeat("t", 257)
	nc := connect(t, "nats://"+address)
	for _, c := range []struct{ line, verb, payload, reason string }{
		{"level alice group_team some", "level", `{"conversation":"group_team","level":"some"}`, `none of "all", "mentions" and "none"`},
		{"label alice c2c_bob --add " + long, "label", `{"conversation":"c2c_bob","add":["` + long + `"]}`, "is longer than 64 bytes"},
		{"label alice c2c_bob --add l32", "label", `{"conversation":"c2c_bob","add":["l32"]}`, "more than 32 labels"},
		{"filter alice f20 --label l1", "filter", `{"name":"f20","filter":{"label":"l1"}}`, "more than 20 filters"},
		{"filter alice f1 --label " + long, "filter", `{"name":"f1","filter":{"label":"` + long + `"}}`, "label is longer than 64 bytes"},
		{"block alice bob", "block", `{"users":["bob"],"blocked":true}`, "more than 1000 blocked users"},
		{"follow alice group_team " + longThread, "follow", `{"conversation":"group_team","thread":"` + longThread + `","following":true}`, "thread is longer than 256 bytes"},
		{"read alice group_team --thread " + longThread, "read", `{"conversation":"group_team","thread":"` + longThread + `"}`, "thread is longer than 256 bytes"},
		{"mute alice group_team --thread " + longThread, "mute", `{"conversation":"group_team","muted":true,"thread":"` + longThread + `"}`, "thread is longer than 256 bytes"},
		{"clear alice c2c_bob --before nope", "clear", `{"conversation":"c2c_bob","before":"nope"}`, "the conversation does not have the message"},
		{"unread alice c2c_bob --from-message nope", "unread", `{"conversation":"c2c_bob","from":"nope"}`, "the conversation does not have the message"},
	} {
		r := reddot(t, nil, append(strings.Fields(c.line), "--wait")...)
		if r.code == exitDone || !strings.Contains(r.stderr, c.reason) {
			t.Errorf("%.60s: exit code %d, %q, want %q", c.line, r.code, r.stderr, c.reason)
		}
		payload := strings.TrimSuffix(c.payload, "}") + `,"wait":"applied"}`
		m := testkit.Must(nc.RequestMsg(&nats.Msg{Subject: "unread.do.alice." + c.verb, Data: []byte(payload)}, testkit.Patience))(t)
		var e events.ErrorReply
		if err := json.Unmarshal(m.Data, &e); err != nil || e.Error != "bad_request" || !strings.Contains(e.Message, c.reason) {
			t.Errorf("%.60s: answered %.200s, want %q", payload, m.Data, c.reason)
		}
	}
	reddot(t, nil, "purge", "team", "--before", "nope", "--wait").failed(t, exitFailed, "the conversation does not have the message")
	if diff := cmp.Diff(before, state()); diff != "" {
		t.Errorf("something of it is kept (-before +after):\n%s", diff)
	}
	reddot(t, nil, "send", "alice", "--from", "bob", "--id", "m2", "--wait").done(t)
	if got := reddot(t, nil, "show", "alice", "c2c_bob").done(t); !regexp.MustCompile(`(?m)^Unread: +2$`).MatchString(got) {
		t.Errorf("bob is blocked, it seems:\n%s", got)
	}
}
