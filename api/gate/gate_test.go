package gate_test

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/api/gate"
	"reddot/events"
	"reddot/projector/testkit"
)

// TestCommands asks for every verb in both encodings, with headers that harm a
// stream: what is stored is the command as reddot writes it, and nothing else.
func TestCommands(t *testing.T) {
	w := newWorld(t)
	w.start(gate.Config{}, true)
	w.publish("unread.cmd.group.team.join", `{"users":["al.ice"]}`)
	hostile := nats.Header{}
	for _, h := range []string{
		"Status:100", "Nats-Msg-Id:dup1", "Nats-Rollup:all", "Nats-Expected-Last-Sequence:0", "Nats-Expected-Last-Msg-Id:x",
		"Nats-Expected-Stream:OTHER", "Nats-TTL:1s", "Nats-Schedule:@every 1s", "Nats-Incr:1", "X-Large:" + strings.Repeat("x", 50_000),
	} {
		name, value, _ := strings.Cut(h, ":")
		hostile[name] = []string{value}
	}
	asked := map[string]bool{}
	team := events.ConversationID{Kind: events.Group, ID: "team"}
	for _, c := range []struct {
		request string
		want    events.Command
	}{
		{`read {"conversation":"c2c_bob","upto":"m1","private":true}`, events.Command{Verb: events.UserRead, Conversation: c2c("bob"), Upto: "m1", Private: true}},
		{`read {"conversation":"group_team","upto_at":5,"at":7}`, events.Command{Verb: events.UserRead,
			Conversation: team, UptoAt: 5, HasUptoAt: true, At: 7, HasAt: true}},
		{`read-all `, events.Command{Verb: events.UserReadAll}},
		{`read-all {"kind":"c2c"}`, events.Command{Verb: events.UserReadAll, Kind: events.C2C}},
		{`unread {"conversation":"c2c_bob"}`, events.Command{Verb: events.UserUnread, Conversation: c2c("bob")}},
		{`mute {"conversation":"c2c_bob","muted":false}`, events.Command{Verb: events.UserMute, Conversation: c2c("bob")}},
		{`read {"conversation":"group_team","thread":"t1"}`, events.Command{Verb: events.UserRead, Conversation: team, Thread: "t1", HasThread: true}},
		{`read {"conversation":"group_team","thread":""}`, events.Command{Verb: events.UserRead, Conversation: team, HasThread: true}},
		{`read-all {"threads":true,"upto_at":9}`, events.Command{Verb: events.UserReadAll, Threads: true, UptoAt: 9, HasUptoAt: true}},
		{`unread {"conversation":"c2c_bob","thread":""}`, events.Command{Verb: events.UserUnread, Conversation: c2c("bob"), HasThread: true}},
		{`mute {"conversation":"group_team","muted":true,"thread":"t1"}`, events.Command{Verb: events.UserMute, Conversation: team, Muted: true, Thread: "t1"}},
		{`level {"conversation":"group_team","level":"mentions"}`, events.Command{Verb: events.UserLevel, Conversation: team, Level: events.LevelMentions}},
		{`label {"conversation":"group_team","add":["pinned","archived"],"remove":["old"]}`, events.Command{Verb: events.UserLabel,
			Conversation: team, Add: []string{"pinned", "archived"}, Remove: []string{"old"}}},
		{`filter {"name":"work","filter":{"kind":"group","label":"","without":"old","mentioned":true,"include_muted":true}}`, events.Command{Verb: events.UserFilter,
			Name: "work", Filter: &events.Filter{Kind: events.Group, Label: new(""), Without: "old", Mentioned: true, IncludeMuted: true}}},
		{`filter {"name":"work"}`, events.Command{Verb: events.UserFilter, Name: "work"}},
		{`block {"users":["mallory"],"blocked":true}`, events.Command{Verb: events.UserBlock, Users: []string{"mallory"}, Blocked: true}},
		{`follow {"conversation":"group_team","thread":"t1","following":true}`, events.Command{Verb: events.UserFollow, Conversation: team, Thread: "t1", Following: true}},
		{`clear {"conversation":"c2c_bob"}`, events.Command{Verb: events.UserClear, Conversation: c2c("bob")}},
		{`delete {"conversation":"c2c_bob"}`, events.Command{Verb: events.UserDelete, Conversation: c2c("bob")}},
		{"delete \x81\xacconversation\xa7c2c_bob", events.Command{Verb: events.UserDelete, Conversation: c2c("bob")}},
	} {
		verb, payload, _ := strings.Cut(c.request, " ")
		asked[verb] = true
		for _, waits := range []string{"", `"wait":"emitted"`} {
			body := payload
			if waits != "" && !strings.HasPrefix(payload, "{") {
				continue
			}
			if waits != "" {
				body = strings.TrimSuffix(payload, "}") + "," + waits + "}"
			}
			m := &nats.Msg{Subject: w.subjects.Do("al.ice", verb), Data: []byte(body), Header: hostile}
			r := read(t, testkit.Must(w.conn.RequestMsg(m, testkit.Patience))(t))
			stored := w.last()
			if r.code != "200" || r.Duplicate || r.Seq != events.Seq(stored.Sequence) {
				t.Fatalf("%s: got %+v, the stream ends at %d", c.request, r, stored.Sequence)
			}
			want := c.want
			want.Inbox = "al.ice"
			var got events.Command
			if err := w.subjects.Decode(stored.Subject, stored.Data, &got); err != nil {
				t.Fatalf("%s: stored %q: %v", c.request, stored.Data, err)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.request, diff)
			}
			if len(stored.Header) > 0 {
				t.Errorf("%s: stored with headers %v", c.request, stored.Header)
			}
			if again := testkit.Must(events.Encode(&got))(t); string(again) != string(stored.Data) {
				t.Errorf("%s: stored %q, want it as reddot writes it: %q", c.request, stored.Data, again)
			}
		}
	}
	for _, verb := range gate.Verbs() {
		if !asked[verb] {
			t.Errorf("%s was not asked for", verb)
		}
	}
}

// TestEveryVerbIsDecided: whoever adds a command of a user's inbox decides whether
// users may ask for it.
func TestEveryVerbIsDecided(t *testing.T) {
	backEnds := []events.Verb{events.UserMessage, events.UserRevoke, events.UserSent, events.UserErase, events.UserEdit, events.UserImport}
	for _, v := range events.Verbs() {
		asked, err := gate.ParseVerb(v.Name())
		switch users := err == nil && asked == v; {
		case v.Inbox() == "user" && users == slices.Contains(backEnds, v):
			t.Errorf("%s: users may ask for it: %v; it is only for back ends: %v", v, users, !users)
		case v.Inbox() != "user" && users:
			t.Errorf("users may ask for %s, which is of no user's inbox", v)
		}
	}
}

func sum(key string) []byte {
	full := sha256.Sum256([]byte(key))
	return full[:16]
}

func c2c(peer string) events.ConversationID {
	return events.ConversationID{Kind: events.C2C, ID: peer}
}

// TestBadRequests: what breaks a rule of form is not stored, and answered why.
func TestBadRequests(t *testing.T) {
	w := newWorld(t)
	w.start(gate.Config{Rate: -1}, true)
	w.publish("unread.cmd.user.alice.message", `{"id":"m1","from":"bob"}`)
	for request, reason := range map[string]string{
		"erase":                            `unknown verb "erase": a user may ask for block, clear, delete, filter, follow, label, level, mute, read, read-all, unread`,
		`message {"id":"m1","from":"bob"}`: "unknown verb",
		`sent {"id":"m1","to":"bob"}`:      "unknown verb",
		`import {}`:                        "unknown verb",
		`edit {"id":"m1","from":"bob"}`:    "unknown verb",
		`level {}`:                         "conversation is missing",
		`level {"conversation":"c2c_bob","level":"some"}`:                "level is none of",
		`label {"conversation":"c2c_bob","add":[""]}`:                    "add: a label is empty",
		`label {"conversation":"c2c_bob","add":[7]}`:                     "add",
		`filter {"name":"","filter":{}}`:                                 "name is empty",
		`filter {"name":"x","filter":{"lable":"y"}}`:                     `unknown field "lable"`,
		`filter {"name":"x","filter":[]}`:                                "filter is not an object",
		`block {"blocked":true}`:                                         "users is missing",
		`block {"users":["bob"]}`:                                        "blocked is missing",
		`follow {"conversation":"group_g","thread":"","following":true}`: "thread is empty",
		`follow {"conversation":"group_g","following":true}`:             "thread is missing",
		`mute {"conversation":"group_g","muted":true,"thread":""}`:       "thread is empty",
		`clear {"conversation":"c2c_bob","before_at":5}`:                 `unknown field "before_at"`,
		`read-all {"threads":"in"}`:                                      "threads",
		`read-all {"thread":"t"}`:                                        `unknown field "thread"`,
		`READ {}`:                                                        "unknown verb",
		`read`:                                                           "conversation is missing",
		`read {"conversation":"bob"}`:                                    "conversation begins with neither",
		`read {"conversation":"c2c_bob","up_to":"m1"}`:                   `unknown field "up_to"`,
		`read {"conversation":"c2c_bob","user":"bob"}`:                   `unknown field "user"`,
		`read {"conversation":"c2c_bob","Key":"k"}`:                      `unknown field "Key"`,
		`delete {"conversation":"c2c_bob","muted":true}`:                 `unknown field "muted"`,
		`mute {"conversation":"c2c_bob"}`:                                "muted is missing",
		`read-all {"wait":"soon"}`:                                       "wait is none of",
		`read-all {"timeout_ms":30001}`:                                  "timeout_ms is not 0 to 30000",
		`read-all {"key":"a b"}`:                                         "visible ASCII",
		`read-all {"stream":"UNREAD_COMMANDS","seq":1}`:                  `unknown field "s`,
		`read-all []`:                            "neither a JSON object",
		`read-all {"kind":"c2c","kind":"group"}`: "a field twice",
		"read-all {\"kind\":\"" + strings.Repeat("x", 300_000) + `"}`: "larger than 256 KiB",
	} {
		verb, payload, _ := strings.Cut(request, " ")
		r := w.do("alice", verb, payload)
		if r.code != "400" || r.Error != "bad_request" || !strings.Contains(r.Message, reason) {
			t.Errorf("%.80s: got %s %s, want %q", request, r.code, r.Message, reason)
		}
	}
	for token, reason := range map[string]string{"a%2e": "upper-case", strings.Repeat("x", 257): "longer than 256"} {
		r := read(t, testkit.Must(w.conn.Request("unread.do."+token+".read-all", nil, testkit.Patience))(t))
		if r.code != "400" || !strings.Contains(r.Message, reason) {
			t.Errorf("user %.20s: got %s %s, want %q", token, r.code, r.Message, reason)
		}
	}
	if last := w.last(); last.Sequence != 1 {
		t.Errorf("stored: %s %q", last.Subject, last.Data)
	}
}

// TestKey: the same key is the same command, whichever instance is asked; of
// another user, or of a back end, it is another.
func TestKey(t *testing.T) {
	w := newWorld(t)
	w.start(gate.Config{}, true)
	w.start(gate.Config{}, true)
	first := w.do("alice", "read-all", `{"key":"k1"}`)
	if first.code != "200" || first.Duplicate {
		t.Fatalf("the first got %+v", first)
	}
	if id := w.last().Header.Get("Nats-Msg-Id"); id != "h.alice."+hex.EncodeToString(sum("k1"))+".0" || len(w.last().Header) != 1 {
		t.Errorf("stored with headers %v", w.last().Header)
	}
	stream := testkit.Must(w.js.Stream(t.Context(), w.subjects.CommandStream()))(t)
	if window := stream.CachedInfo().Config.Duplicates; window != 2*time.Minute {
		t.Errorf("the stream knows ids for %v", window)
	}
	for range 20 { // by either instance
		if again := w.do("alice", "read-all", `{"key":"k1","wait":"applied"}`); again.code != "200" || !again.Duplicate || again.Seq != first.Seq {
			t.Fatalf("the same key got %+v, want the first's seq %d", again, first.Seq)
		}
	}
	for _, other := range []reply{w.do("alice", "read-all", `{"key":"k2"}`), w.do("bob", "read-all", `{"key":"k1"}`), w.do("alice", "read-all", "")} {
		if other.code != "200" || other.Duplicate {
			t.Errorf("another key, user or none got %+v", other)
		}
	}
	if ack := w.publish("unread.cmd.user.bob.message", `{"id":"m1","from":"alice"}`, jetstream.WithMsgID("k1")); ack.Duplicate {
		t.Error("a user's key has a back end's message taken for a copy")
	}
	if r := w.do("a.b\n", "read-all", `{"key":"k1"}`); r.code != "200" || w.last().Header.Get("Nats-Msg-Id") != "h.a%2Eb%0A."+hex.EncodeToString(sum("k1"))+".0" {
		t.Errorf("a user with a line break: %+v, headers %v", r, w.last().Header)
	}
}

// TestWait: with a wait beyond stored a request is answered with the fold's refusal,
// and whether the command came so far in time.
func TestWait(t *testing.T) {
	w := newWorld(t)
	r := w.start(gate.Config{}, true)
	seq := w.publish("unread.cmd.user.alice.message", `{"id":"m1","from":"bob"}`).Sequence
	done := w.do("alice", "read", `{"conversation":"c2c_bob","upto":"m1","wait":"emitted"}`)
	if done.code != "200" || done.Seq != events.Seq(seq+1) || r.p.Applied() < done.Seq {
		t.Errorf("got %+v at %d", done, r.p.Applied())
	}
	if status := testkit.Must(r.p.Status(t.Context()))(t); status.Emitted < done.Seq {
		t.Errorf("emitted up to %d, answered for %d", status.Emitted, done.Seq)
	}
	for _, wait := range []string{"applied", "emitted"} {
		refused := w.do("alice", "read", `{"conversation":"group_team","wait":"`+wait+`"}`)
		if refused.code != "400" || refused.Message != "not a member of the group" || refused.Seq != events.Seq(w.last().Sequence) {
			t.Errorf("a refused command got %+v", refused)
		}
	}
	if stored := w.do("alice", "read", `{"conversation":"group_team"}`); stored.code != "200" {
		t.Errorf("who waits for nothing is answered %+v", stored)
	}
	refused := w.do("alice", "unread", `{"conversation":"c2c_bob","from":"nope","wait":"applied"}`)
	if refused.code != "400" || !strings.Contains(refused.Message, "does not have the message") {
		t.Errorf("a refused command got %+v", refused)
	}
}

// TestNotApplied: where nothing is folded, a command is stored all the same.
func TestNotApplied(t *testing.T) {
	w := newWorld(t)
	w.start(gate.Config{}, false)
	for _, wait := range []string{"applied", "emitted"} {
		r := w.do("alice", "read-all", `{"wait":"`+wait+`","timeout_ms":1}`)
		if r.code != "408" || r.Error != "not_applied" || r.Seq != events.Seq(w.last().Sequence) || !strings.Contains(r.Message, "not "+wait) {
			t.Errorf("got %+v", r)
		}
	}
	if r := w.do("alice", "read-all", ""); r.code != "200" {
		t.Errorf("stored: got %+v", r)
	}
}

// TestWaitsAreBounded: commands that wait are among their user's waiting requests.
func TestWaitsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.start(gate.Config{Rate: -1}, false)
	const all = 40
	inbox := nats.NewInbox()
	sub := testkit.Must(w.conn.SubscribeSync(inbox))(t)
	for range all {
		if err := w.conn.PublishRequest(w.subjects.Do("alice", "read-all"), inbox, []byte(`{"wait":"applied","timeout_ms":30000}`)); err != nil {
			t.Fatal(err)
		}
	}
	for range all - 16 {
		r := read(t, testkit.Must(sub.NextMsg(testkit.Patience))(t))
		if r.code != "429" || r.Seq == 0 || !strings.HasPrefix(r.Message, "the command is stored; ") {
			t.Fatalf("one too many got %+v", r)
		}
	}
	if r := w.do("bob", "read-all", `{"wait":"applied","timeout_ms":1}`); r.code != "408" {
		t.Errorf("bob got %+v", r)
	}
}

// TestOrder: requests of a user are stored in the order in which they came,
// though nobody waits for the one before.
func TestOrder(t *testing.T) {
	w := newWorld(t)
	w.start(gate.Config{Rate: -1}, true)
	w.publish("unread.cmd.user.alice.message", `{"id":"m0","from":"bob"}`)
	const all = 200
	inbox := nats.NewInbox()
	sub := testkit.Must(w.conn.SubscribeSync(inbox))(t)
	verbs := []string{"read", "unread", "mute", "delete"}
	for i := range all {
		payload := `{"conversation":"c2c_` + strconv.Itoa(i) + `"}`
		if verbs[i%4] == "mute" {
			payload = `{"conversation":"c2c_` + strconv.Itoa(i) + `","muted":true}`
		}
		if err := w.conn.PublishRequest(w.subjects.Do("alice", verbs[i%4]), inbox, []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	for range all {
		if r := read(t, testkit.Must(sub.NextMsg(testkit.Patience))(t)); r.code != "200" {
			t.Fatalf("got %+v", r)
		}
	}
	stream := testkit.Must(w.js.Stream(t.Context(), w.subjects.CommandStream()))(t)
	for i := range all {
		m := testkit.Must(stream.GetMsg(t.Context(), uint64(i+2)))(t)
		var c events.Command
		if err := w.subjects.Decode(m.Subject, m.Data, &c); err != nil {
			t.Fatal(err)
		}
		if c.Conversation != c2c(strconv.Itoa(i)) {
			t.Fatalf("seq %d is about %s, want the request number %d", i+2, c.Conversation, i)
		}
	}
}

// TestRate: more than a user may ask for is refused, and nothing of it stored;
// another user is not concerned.
func TestRate(t *testing.T) {
	w := newWorld(t)
	w.start(gate.Config{Rate: 1}, true)
	began := time.Now()
	stored, limited := 0, 0
	for limited == 0 {
		switch r := w.do("alice", "read-all", ""); r.code {
		case "200":
			stored++
		case "429":
			limited++
			if r.Error != "rate_limited" || !strings.Contains(r.Message, "1 commands a second; ask again in ") {
				t.Errorf("got %+v", r)
			}
		default:
			t.Fatalf("got %+v", r)
		}
	}
	if most := 3 + int(time.Since(began)/time.Second) + 1; stored < 3 || stored > most {
		t.Errorf("%d commands stored before one was refused, want 3 to %d", stored, most)
	}
	if last := w.last(); last.Sequence != uint64(stored) {
		t.Errorf("%d commands in the stream, %d acknowledged", last.Sequence, stored)
	}
	if r := w.do("bob", "read-all", ""); r.code != "200" {
		t.Errorf("bob got %+v", r)
	}
}

// TestPending: as many commands are without their acknowledgement as may be, and
// no more; who waits for nothing is answered.
func TestPending(t *testing.T) {
	w := newWorld(t)
	w.start(gate.Config{MaxPending: 2}, false)
	if err := w.js.DeleteStream(t.Context(), w.subjects.CommandStream()); err != nil {
		t.Fatal(err)
	}
	if r := w.do("alice", "read-all", ""); r.code != "503" || !strings.Contains(r.Message, "it is not stored") {
		t.Errorf("without a stream: %+v", r)
	}
	// One that takes commands and never acknowledges them.
	taken := make(chan *nats.Msg, 10)
	testkit.Must(w.conn.ChanSubscribe(w.subjects.Commands(), taken))(t)
	inbox := nats.NewInbox()
	sub := testkit.Must(w.conn.SubscribeSync(inbox))(t)
	for _, user := range []string{"alice", "bob", "carol"} {
		if err := w.conn.PublishRequest(w.subjects.Do(user, "read-all"), inbox, nil); err != nil {
			t.Fatal(err)
		}
	}
	var messages []string
	for range 3 {
		r := read(t, testkit.Must(sub.NextMsg(testkit.Patience))(t))
		if r.code != "503" {
			t.Errorf("got %+v", r)
		}
		messages = append(messages, strings.Split(r.Message, ";")[0])
	}
	slices.Sort(messages)
	uncertain := "the log has not acknowledged the command: it may or may not be stored"
	if diff := cmp.Diff([]string{uncertain, uncertain, "too many commands are on their way into the log"}, messages); diff != "" {
		t.Error(diff)
	}
	if len(taken) != 2 {
		t.Errorf("%d commands were sent, want 2", len(taken))
	}
}

// TestSilent: a command is done for one who doesn't hear the answer, too.
func TestSilent(t *testing.T) {
	w := newWorld(t)
	w.start(gate.Config{}, true)
	if err := w.conn.Publish(w.subjects.Do("alice", "read-all"), nil); err != nil {
		t.Fatal(err)
	}
	if err := w.conn.PublishRequest(w.subjects.Do("alice", "read-all"), "unread.cmd.user.bob.erase", nil); err != nil {
		t.Fatal(err)
	}
	if r := w.do("alice", "read-all", `{"wait":"applied"}`); r.code != "200" || r.Seq != 2 {
		t.Errorf("got %+v, want seq 2: one without a reply subject stored, one with a forbidden one not", r)
	}
}

// TestOutcomes: commands are counted by verb and by what became of them.
func TestOutcomes(t *testing.T) {
	w := newWorld(t)
	r := w.start(gate.Config{Rate: 1}, true)
	for _, request := range []string{
		`alice read-all {"key":"k"}`, `alice read-all {"key":"k"}`, `alice erase {}`, `alice read {}`,
		`bob read {"conversation":"group_g","wait":"applied"}`, `bob delete {"conversation":"c2c_x","wait":"emitted"}`,
	} {
		words := strings.SplitN(request, " ", 3)
		if words[0] == "alice" && words[1] == "read" { // used up: three, and one a second
			for w.do("alice", "mute", `{}`).code != "429" {
			}
			continue
		}
		w.do(words[0], words[1], words[2])
	}
	got := r.outcomes(t)
	if got["mute rate_limited"] == 0 {
		t.Errorf("none limited: %v", got)
	}
	delete(got, "mute rate_limited")
	delete(got, "mute bad_request") // as many as there were tokens
	want := map[string]float64{"read-all stored": 1, "read-all duplicate": 1, "unknown bad_request": 1, "read refused": 1, "delete stored": 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}
