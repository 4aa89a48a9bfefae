package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"reddot/cmd/reddot/term"
	"reddot/events"
)

// TestActions: each publishes the one command that it says, with the ids written
// as a subject wants them.
func TestActions(t *testing.T) {
	s, stream := testServer(t)
	t.Setenv("NATS_URL", s.URL())
	for _, c := range []struct{ line, subject, payload string }{
		{"send alice --from bob --id m1", "user.alice.message", `{"id":"m1","from":"bob"}`},
		{"send a.b --from bob --id m1 --silent --mention a.b --mention c --thread t --at 1000", "user.a%2Eb.message",
			`{"id":"m1","from":"bob","at":1000,"silent":true,"mentions":["a.b","c"],"thread":"t"}`},
		{"send alice --from bob --id r1 --hidden", "user.alice.message", `{"id":"r1","from":"bob","hidden":true}`},
		{"send --group team --from bob --id g1 --mention-all", "group.team.message", `{"id":"g1","from":"bob","mention_all":true}`},
		{"send alice --from bob --id e1 --expires-at 2026-11-23T18:00:00Z", "user.alice.message", `{"id":"e1","from":"bob","expires_at":1795456800000}`},
		{"send --group team --from bob --id g2 --thread g1 --broadcast --receipt", "group.team.message", `{"id":"g2","from":"bob","thread":"g1","broadcast":true,"receipt":true}`},
		{"edit alice m1 --from bob --mention alice", "user.alice.edit", `{"id":"m1","from":"bob","mentions":["alice"]}`},
		{"edit --group team g1 --mention a --mention b --mention-all", "group.team.edit", `{"id":"g1","mentions":["a","b"],"mention_all":true}`},
		{"revoke alice m1 --from bob", "user.alice.revoke", `{"id":"m1","from":"bob"}`},
		{"revoke --group team g1", "group.team.revoke", `{"id":"g1"}`},
		{"sent bob alice m1 --at 2026-11-23T18:00:00Z", "user.bob.sent", `{"id":"m1","to":"alice","at":1795456800000}`},
		{"sent bob alice m2 --silent --hidden --thread t", "user.bob.sent", `{"id":"m2","to":"alice","silent":true,"hidden":true,"thread":"t"}`},
		{"read alice c2c_bob", "user.alice.read", `{"conversation":"c2c_bob"}`},
		{"read alice group_team --upto g1 --upto-at 5 --private", "user.alice.read", `{"conversation":"group_team","upto":"g1","upto_at":5,"private":true}`},
		{"read alice group_team --thread t1", "user.alice.read", `{"conversation":"group_team","thread":"t1"}`},
		{"read alice group_team --thread=", "user.alice.read", `{"conversation":"group_team","thread":""}`},
		{"read-all alice --threads", "user.alice.read-all", `{"threads":true}`},
		{"unread alice group_team --from-message g2 --thread g1", "user.alice.unread", `{"conversation":"group_team","from":"g2","thread":"g1"}`},
		{"read-all alice --kind group --private", "user.alice.read-all", `{"kind":"group","private":true}`},
		{"read-all alice --upto-at 5", "user.alice.read-all", `{"upto_at":5}`},
		{"unread alice c2c_bob", "user.alice.unread", `{"conversation":"c2c_bob"}`},
		{"unread alice c2c_bob --from-message m1", "user.alice.unread", `{"conversation":"c2c_bob","from":"m1"}`},
		{"mute alice group_team --thread t1", "user.alice.mute", `{"conversation":"group_team","muted":true,"thread":"t1"}`},
		{"mute alice c2c_bob", "user.alice.mute", `{"conversation":"c2c_bob","muted":true}`},
		{"unmute alice c2c_bob", "user.alice.mute", `{"conversation":"c2c_bob","muted":false}`},
		{"delete alice c2c_bob", "user.alice.delete", `{"conversation":"c2c_bob"}`},
		{"delete alice c2c_bob --upto m1 --upto-at 5", "user.alice.delete", `{"conversation":"c2c_bob","upto":"m1","upto_at":5}`},
		{"clear alice c2c_bob", "user.alice.clear", `{"conversation":"c2c_bob"}`},
		{"clear alice c2c_bob --before m7", "user.alice.clear", `{"conversation":"c2c_bob","before":"m7"}`},
		{"level alice group_team mentions", "user.alice.level", `{"conversation":"group_team","level":"mentions"}`},
		{"label alice group_team --add pinned --add work --remove archived", "user.alice.label", `{"conversation":"group_team","add":["pinned","work"],"remove":["archived"]}`},
		{"filter alice work --label work --kind group --without archived --mentioned --include-muted", "user.alice.filter",
			`{"name":"work","filter":{"kind":"group","label":"work","without":"archived","mentioned":true,"include_muted":true}}`},
		{"filter alice rest --label=", "user.alice.filter", `{"name":"rest","filter":{"label":""}}`},
		{"filter alice all", "user.alice.filter", `{"name":"all","filter":{}}`},
		{"unfilter alice work", "user.alice.filter", `{"name":"work"}`},
		{"block alice mallory eve", "user.alice.block", `{"users":["mallory","eve"],"blocked":true}`},
		{"unblock alice eve", "user.alice.block", `{"users":["eve"],"blocked":false}`},
		{"follow alice group_team t1", "user.alice.follow", `{"conversation":"group_team","thread":"t1","following":true}`},
		{"unfollow alice group_team t1", "user.alice.follow", `{"conversation":"group_team","thread":"t1","following":false}`},
		{"purge team --before t7", "group.team.purge", `{"before":"t7"}`},
		{"purge team --before-at 5", "group.team.purge", `{"before_at":5}`},
		{"erase alice", "user.alice.erase", `{}`},
		{"join team alice bob", "group.team.join", `{"users":["alice","bob"]}`},
		{"leave team alice", "group.team.leave", `{"users":["alice"]}`},
		{"dismiss team", "group.team.dismiss", `{}`},
		{"policy --own-message advance", "policy", `{"own_message":"advance"}`},
		{"policy --threads apart --group-receipts members", "policy", `{"threads":"apart","group_receipts":"members"}`},
		{"clock --at 5", "clock", `{"at":5}`},
	} {
		out := reddot(t, nil, strings.Fields(c.line)...).done(t)
		last := lastSeq(t, stream)
		if want := "seq " + term.Number(last) + "\n"; !strings.HasSuffix(out, want) {
			t.Errorf("%s prints %q, want %q", c.line, out, want)
		}
		m, err := stream.GetMsg(t.Context(), last)
		if err != nil {
			t.Fatal(err)
		}
		if m.Subject != "unread.cmd."+c.subject || !sameJSON(t, m.Data, c.payload) {
			t.Errorf("%s publishes %s %s, want %s %s", c.line, m.Subject, m.Data, c.subject, c.payload)
		}
	}
	named := reddot(t, nil, "send", "alice", "--from", "bob").done(t)
	again := reddot(t, nil, "send", "alice", "--from", "bob").done(t)
	id := regexp.MustCompile(`^message ([0-9A-Za-z]{22}), seq \d+\n$`)
	if a, b := id.FindStringSubmatch(named), id.FindStringSubmatch(again); a == nil || b == nil || a[1] == b[1] {
		t.Errorf("new messages are %q and %q", named, again)
	}
}

func sameJSON(t *testing.T, a []byte, b string) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		t.Fatal(err)
	}
	return jsonText(t, x) == jsonText(t, y)
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestEveryVerbHasAnAction: what the back end may publish can be done by hand.
func TestEveryVerbHasAnAction(t *testing.T) {
	has := map[events.Verb]bool{events.UserImport: true} // reddot import
	for _, act := range actions() {
		has[act.verb], has[act.group] = true, true
	}
	for _, v := range events.Verbs() {
		if !has[v] {
			t.Errorf("no action publishes %s", v)
		}
	}
}

// TestActionsWait: with --wait what was published counts, or it is said why not.
func TestActionsWait(t *testing.T) {
	address, _ := served(t, t.TempDir(), "127.0.0.1:0")
	t.Setenv("NATS_URL", address)
	if out := reddot(t, nil, "send", "alice", "--from", "bob", "--id", "m1", "--wait", "--json").done(t); out != `{"id":"m1","seq":1}`+"\n" {
		t.Errorf("stdout %q", out)
	}
	if out := reddot(t, nil, "show", "alice", "c2c_bob").done(t); !regexp.MustCompile(`(?m)^Unread: +1$`).MatchString(out) {
		t.Errorf("alice is shown\n%s", out)
	}
	if out := reddot(t, nil, "read", "alice", "c2c_bob", "--wait").done(t); out != "seq 2\n" {
		t.Errorf("stdout %q", out)
	}
	reddot(t, nil, "read", "alice", "group_team", "--wait").failed(t, exitFailed, "the command was refused, seq 3: not a member of the group")
	r := reddot(t, nil, "mute", "alice", "group_team", "--wait", "--json")
	if want := `{"seq":4,"refused":"not a member of the group"}` + "\n"; r.stdout != want || r.code != exitFailed {
		t.Errorf("exit code %d, stdout %q, want %q", r.code, r.stdout, want)
	}
}

func TestActionsWrongUsage(t *testing.T) {
	for line, words := range map[string]string{
		"send --from bob":               "name a user, or a group with --group",
		"send alice":                    "name the sender with --from",
		"send alice --group t --from b": "--group t or the user alice: leave out one of them",
		"send alice --from " + strings.Repeat("u", 257): "from is longer than 256 bytes",
		"send alice --from bob --mention-all":           "mention_all is not a field of user.message",
		"revoke m1":                                     "name a user, or a group with --group",
		"revoke alice m1":                               "name the sender with --from",
		"revoke --group team t1 --from bob":             "leave out --group",
		"read alice":                                    "read takes USER CONVERSATION, and one is given",
		"read alice bob":                                "use c2c_PEER or group_GROUP",
		"read alice c2c_bob --upto-at soon":             "use a time as in",
		"read alice c2c_bob --at -5":                    "use a time from 1970 on",
		"read-all alice --kind room":                    `neither "c2c" nor "group"`,
		"join team":                                     "join takes GROUP USER..., and one is given",
		"policy":                                        "name a policy: --own-message, --threads or --group-receipts",
		"policy --threads beside":                       `neither "in" nor "apart"`,
		"policy --group-receipts all":                   `none of "off", "sender" and "members"`,
		"send alice --from bob --receipt":               "receipt is not a field of user.message",
		"edit alice m1":                                 "name the sender with --from",
		"edit --group team g1 --from bob":               "leave out --group",
		"mute alice group_team --thread=":               "it is empty",
		"level alice group_team loud":                   `none of "all", "mentions" and "none"`,
		"label alice group_team":                        "name a label with --add or --remove",
		"label alice group_team --add " + strings.Repeat("l", 65): "is longer than 64 bytes",
		"filter alice " + strings.Repeat("n", 65):                 "is longer than 64 bytes",
		"filter alice x --without=":                               "it is empty",
		"block alice":                                             "block takes USER OTHER..., and one is given",
		"follow alice group_team":                                 "follow takes USER CONVERSATION THREAD",
		"purge team":                                              "before or before_at is missing",
		"clock":                                                   "say by when with --at",
		"policy --own-message often":                              `neither "keep" nor "advance"`,
	} {
		t.Run(line, func(t *testing.T) {
			reddot(t, nil, strings.Fields(line)...).failed(t, exitUsage, words, `--help"`)
		})
	}
}
