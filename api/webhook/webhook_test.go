package webhook

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/projector/testkit"
)

// TestTypes: each type has its data, as a receiver relies on it.
func TestTypes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	badges, all := w.receiver(nil), w.receiver(nil)
	w.start("[" + endpointFile("push", badges.URL, `"types": ["badge.changed"]`) + "," + endpointFile("all", all.URL, "") + "]")
	w.publish("policy", `{"group_receipts": "sender"}`)
	w.message("alice", 1)
	m := badges.await("alice's badge", badgeIs("alice", 1))
	if !regexp.MustCompile(`^msg_[0-9a-f]{12}_\d+_push$`).MatchString(m.ID) {
		t.Errorf("id %q", m.ID)
	}
	cause, _ := m.Data["cause"].(map[string]any)
	if m.number("delta") != 1 || cause["conversation"] != "c2c_bob" || cause["message"] != "m1" || cause["from"] != "bob" || cause["mention"] != false ||
		m.number("version") != 2 || m.number("at") == 0 || m.Data["totals"].(map[string]any)["unread"] != 1.0 {
		t.Errorf("told %v", m.Data)
	}
	w.publish("user.alice.read", `{"conversation": "c2c_bob"}`)
	if m = badges.await("a badge that fell", badgeIs("alice", 0)); m.number("delta") != -1 || m.Data["cause"] != nil {
		t.Errorf("told %v", m.Data)
	}
	m = all.await("the receipt", func(m toldMessage) bool { return m.Type == ReceiptCreated })
	if m.Data["user"] != "bob" || m.Data["peer"] != "alice" || m.Data["upto"] != "m1" || m.Data["totals"].(map[string]any)["unread"] != 0.0 {
		t.Errorf("told %v", m.Data)
	}
	m = all.await("the conversation", func(m toldMessage) bool { return m.Type == ConversationChanged })
	if m.Data["user"] != "alice" || len(m.Data["conversations"].([]any)) != 1 {
		t.Errorf("told %v", m.Data)
	}
	w.publish("group.team.join", `{"users": ["alice", "bob", "carol"]}`)
	w.publish("group.team.message", `{"id": "g1", "from": "bob", "mentions": ["alice"], "receipt": true}`)
	m = badges.await("a mention", func(m toldMessage) bool { return badgeIs("alice", 1)(m) && m.number("version") > 3 })
	if cause, _ := m.Data["cause"].(map[string]any); cause["mention"] != true || cause["conversation"] != "group_team" {
		t.Errorf("told %v", m.Data)
	}
	w.publish("group.team.message", `{"id": "g2", "from": "carol"}`)
	m = badges.await("a message after the mention", badgeIs("alice", 2))
	if cause, _ := m.Data["cause"].(map[string]any); cause["mention"] != false || cause["message"] != "g2" {
		t.Errorf("told %v", m.Data)
	}
	w.publish("user.alice.read", `{"conversation": "group_team"}`)
	m = all.await("the group's receipt", func(m toldMessage) bool { return m.Type == GroupReceiptChanged })
	if m.Data["user"] != "bob" || m.Data["group"] != "team" || len(m.Data["receipts"].([]any)) != 1 {
		t.Errorf("told %v", m.Data)
	}
	seq := w.publish("user.zed.read", `{"conversation": "group_team"}`)
	m = all.await("the refused command", func(m toldMessage) bool { return m.Type == CommandRefused })
	if m.number("seq") != float64(seq) || m.Data["subject"] != "unread.cmd.user.zed.read" || m.Data["reason"] != "not a member of the group" {
		t.Errorf("told %v", m.Data)
	}
	ids := map[string]bool{}
	for _, m := range all.all() {
		if ids[m.ID] {
			t.Errorf("two messages are called %s", m.ID)
		}
		ids[m.ID] = true
	}
	for _, m := range badges.all() {
		if m.Type != BadgeChanged {
			t.Errorf("told of %s", m.Type)
		}
	}
}

// TestWho: an endpoint is told of the users that it is for, and not of those who have a
// stream, if it says so.
func TestWho(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	prefix, live := w.receiver(nil), w.receiver(nil)
	w.start("["+endpointFile("prefix", prefix.URL, `"types": ["badge.changed", "command.refused"], "users_prefix": "eu-"`)+","+
		endpointFile("live", live.URL, `"types": ["badge.changed"], "skip_live": true`)+"]",
		func(c *Config) { c.Live = func(user string) bool { return user == "us-1" } })
	w.publish("user.us-1.read", `{"conversation": "group_x"}`)
	for n, user := range []string{"us-1", "eu-1"} {
		w.message(user, n)
	}
	prefix.await("of eu-1", badgeIs("eu-1", 1))
	live.await("of eu-1", badgeIs("eu-1", 1))
	for _, m := range append(prefix.all(), live.all()...) {
		if m.Data["user"] != "eu-1" {
			t.Errorf("told %v", m.Data)
		}
	}
}

// TestRestart: what was not taken when the webhooks end, and what happens until they are
// there again, is told then; what was told is not told again, and the badge's delta goes
// on from it.
func TestRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.receiver(nil)
	file := "[" + endpointFile("push", r.URL, `"types": ["badge.changed"]`) + "]"
	h := w.start(file)
	w.message("alice", 1)
	w.message("told", 1)
	r.await("alice's badge", badgeIs("alice", 1))
	r.await("the other's badge", badgeIs("told", 1))
	r.answers(status(http.StatusInternalServerError))
	w.message("alice", 2)
	w.message("carol", 3)
	testkit.Eventually(t, "it is tried", func() bool { return r.tried() > 4 })
	h.end()
	w.emitted(w.message("dave", 4))
	r.answers(nil)
	w.start(file)
	if m := r.await("alice's next badge", badgeIs("alice", 2)); m.number("delta") != 1 {
		t.Errorf("told %v", m.Data)
	}
	r.await("carol's badge", badgeIs("carol", 1))
	r.await("dave's badge", badgeIs("dave", 1))
	told := 0
	for _, m := range r.all() {
		if m.Data["user"] == "told" {
			told++
		}
	}
	if told != 1 {
		t.Errorf("what was told is told %d times", told)
	}
}

// TestManyWhileAway: 10,000 changes of 100 users while nobody takes them are one delivery
// for each, with the newest state, through a restart.
func TestManyWhileAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.receiver(status(http.StatusBadGateway))
	file := "[" + endpointFile("push", r.URL, `"types": ["badge.changed"]`) + "]"
	h := w.start(file)
	const users, each = 100, 100
	conn := w.ns.Connect()
	for n := range users * each {
		testkit.OK(t, conn.Publish(fmt.Sprintf("unread.cmd.user.u%d.message", n%users), fmt.Appendf(nil, `{"id": "m%d", "from": "bob"}`, n)))
		if n == users*each/2 {
			h.end()
			h = w.start(file)
		}
	}
	testkit.OK(t, conn.Flush())
	w.emitted(w.message("last", 1))
	testkit.Eventually(t, "all is read", func() bool {
		info, err := testkit.Must(w.js.Consumer(testkit.Context(t), "UNREAD_EVENTS", "webhook-push"))(t).Info(testkit.Context(t))
		return err == nil && info.NumPending == 0 && info.NumAckPending <= users+1
	})
	r.answers(nil)
	tested, err := h.Test(testkit.Context(t), "push")
	if err != nil || !tested.Delivered {
		t.Fatalf("the test: %+v %v", tested, err)
	}
	for n := range users {
		r.await("a user's badge", badgeIs(fmt.Sprint("u", n), each))
	}
	r.await("the last one", badgeIs("last", 1))
	told := 0
	for _, m := range r.all() {
		if m.Type == BadgeChanged {
			told++
		}
	}
	if told != users+1 {
		t.Errorf("%d deliveries for %d users", told, users+1)
	}
}

// TestGone: 410 pauses, through a restart, until a test succeeds or the file changes.
func TestGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.receiver(status(http.StatusGone))
	file := "[" + endpointFile("push", r.URL, `"types": ["badge.changed"]`) + "]"
	h := w.start(file)
	paused := func() bool {
		list, err := h.List(testkit.Context(t))
		return err == nil && list.Webhooks[0].State == "paused"
	}
	w.message("alice", 1)
	testkit.Eventually(t, "it is paused", paused)
	testkit.Eventually(t, "that is stored", func() bool {
		c, err := w.js.Consumer(testkit.Context(t), "UNREAD_EVENTS", "webhook-push")
		return err == nil && c.CachedInfo().Config.Metadata[metadataPaused] != ""
	})
	h.end()
	r.answers(nil)
	h = w.start(file)
	testkit.Eventually(t, "it is paused again", paused)
	w.emitted(w.message("alice", 2))
	if got := r.all(); len(got) > 0 {
		t.Fatalf("told %v while it is paused", got)
	}
	if tested, err := h.Test(testkit.Context(t), "push"); err != nil || !tested.Delivered || tested.Status != http.StatusNoContent {
		t.Fatalf("the test: %+v %v", tested, err)
	}
	r.await("alice's badge", badgeIs("alice", 2))

	r.answers(status(http.StatusGone))
	w.message("alice", 3)
	testkit.Eventually(t, "it is paused once more", paused)
	h.end()
	r.answers(nil)
	w.start(strings.Replace(file, `"types"`, `"delay": "1ms", "types"`, 1))
	r.await("with another file, alice's badge", badgeIs("alice", 3))
}

// TestOneDead: an endpoint that hangs, redirects or has a certificate that nobody trusts
// does not keep another from being told.
func TestOneDead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.receiver(nil)
	hang := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer hangs.Close()
	defer close(hang)
	stranger := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stranger++ }))
	defer elsewhere.Close()
	redirects := w.receiver(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Location", elsewhere.URL)
		rw.WriteHeader(http.StatusTemporaryRedirect)
	})
	untrusted := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stranger++ }))
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	defer untrusted.Close()
	h := w.start("[" + endpointFile("hangs", hangs.URL, "") + "," + endpointFile("redirects", redirects.URL, "") + "," +
		endpointFile("untrusted", untrusted.URL, "") + "," + endpointFile("metadata", "http://169.254.169.254/", "") + "," + endpointFile("good", other.URL, "") + "]")
	for n := range 40 {
		w.message(fmt.Sprint("u", n), n)
	}
	for n := range 40 {
		other.await("the good one is told of all", badgeIs(fmt.Sprint("u", n), 1))
	}
	reasons := func() map[string]string {
		list, _ := h.List(testkit.Context(t))
		all := map[string]string{}
		for _, s := range list.Webhooks {
			all[s.Name] = s.Reason
		}
		return all
	}
	for name, says := range map[string]string{"redirects": "redirects are not followed", "untrusted": "certificate", "metadata": "nothing is sent to this address"} {
		testkit.Eventually(t, name+" fails, and it is said why", func() bool { return strings.Contains(reasons()[name], says) })
	}
	if stranger != 0 {
		t.Error("a stranger was told")
	}
}

// TestDelayed: a rising badge waits, and is not told if the user has read meanwhile.
func TestDelayed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.receiver(nil)
	w.start("[" + endpointFile("push", r.URL, `"types": ["badge.changed"], "delay": "1500ms"`) + "]")
	w.message("early", 0)
	w.publish("user.early.read", `{"conversation": "c2c_bob"}`) // now it is known what was told of these two
	w.publish("user.alice.mute", `{"conversation": "c2c_bob", "muted": false}`)
	r.await("it is known that early has none", badgeIs("early", 0))
	w.message("early", 1)
	w.message("late", 2)
	w.publish("user.early.read", `{"conversation": "c2c_bob"}`)
	r.await("the badge of who has not read", badgeIs("late", 1))
	for _, m := range r.all() {
		if m.Data["user"] == "early" && m.number("badge") > 0 {
			t.Errorf("told %v to who has read meanwhile", m.Data)
		}
	}
}

// TestResync: an endpoint that was away for longer than events are kept is told so.
func TestResync(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.receiver(nil)
	file := "[" + endpointFile("push", r.URL, `"types": ["badge.changed"]`) + "]"
	h := w.start(file)
	w.message("alice", 1)
	r.await("alice's badge", badgeIs("alice", 1))
	h.end()
	w.emitted(w.message("alice", 2))
	stream := testkit.Must(w.js.Stream(testkit.Context(t), "UNREAD_EVENTS"))(t)
	w.emitted(w.message("alice", 3))
	info := testkit.Must(stream.Info(testkit.Context(t)))(t)
	testkit.OK(t, stream.Purge(testkit.Context(t), jetstream.WithPurgeSequence(info.State.LastSeq)))
	w.start(file)
	m := r.await("it is told that events are lost", func(m toldMessage) bool { return m.Type == Resync })
	if m.Data["reason"] != retention || !regexp.MustCompile(`^msg_[0-9a-f]{12}_\d+_push$`).MatchString(m.ID) {
		t.Errorf("told %v as %s", m.Data, m.ID)
	}
	r.await("what is left", badgeIs("alice", 3))
}

// TestDeadLetters: what is given up is stored, listed and replayed with the state as it is
// then; what is delivered is no dead letter any more.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.receiver(status(http.StatusInternalServerError))
	h := w.start("[" + endpointFile("all", r.URL, "") + "]")
	w.message("alice", 1)
	w.publish("user.alice.read", `{"conversation": "c2c_bob"}`)
	w.message("alice", 2)
	w.publish("user.zed.read", `{"conversation": "group_team"}`)
	var e *endpoint
	testkit.Eventually(t, "the endpoint runs", func() bool {
		e = h.running("all")
		return e != nil
	})
	kinds := map[Type]bool{}
	testkit.Eventually(t, "all is given up", func() bool {
		testkit.OK(t, e.do(testkit.Context(t), func(ctx context.Context) {
			for _, l := range e.schedule.lanes {
				for _, it := range l.waiting {
					if it.attempts > 0 {
						it.attempts = len(steps) + 1
						kinds[it.kind] = true
					}
				}
			}
			for _, it := range e.schedule.expire(time.Now().Add(2 * givesUp)) {
				e.dead(ctx, it)
			}
		}))
		return len(kinds) == 4
	})
	page := testkit.Must(h.Dead(testkit.Context(t), "all", 2, ""))(t)
	if len(page.Dead) != 2 || page.Next == "" || page.Dead[0].Status != 500 || page.Dead[0].Reason == "" || page.Dead[0].Attempts == 0 {
		t.Fatalf("the first page: %+v", page)
	}
	count := len(page.Dead)
	for next := page.Next; next != ""; {
		page = testkit.Must(h.Dead(testkit.Context(t), "all", 2, next))(t)
		count, next = count+len(page.Dead), page.Next
	}
	list := testkit.Must(h.List(testkit.Context(t)))(t)
	if list.Webhooks[0].Dead != uint64(count) || count < 4 {
		t.Errorf("%d dead letters are listed, and %d counted", count, list.Webhooks[0].Dead)
	}
	w.emitted(w.message("alice", 3))
	r.answers(nil)
	testkit.Must(h.Test(testkit.Context(t), "all"))(t)
	if got, err := h.Replay(testkit.Context(t), "all", nil); err != nil || got.Replayed == 0 {
		t.Fatalf("replayed: %+v %v", got, err)
	}
	testkit.Eventually(t, "the dead letters are gone", func() bool {
		page, err := h.Dead(testkit.Context(t), "all", 10, "")
		return err == nil && len(page.Dead) == 0
	})
	r.await("the badge as it is now", badgeIs("alice", 2))
	r.await("the receipt", func(m toldMessage) bool { return m.Type == ReceiptCreated })
	r.await("the refusal", func(m toldMessage) bool { return m.Type == CommandRefused })
	m := r.await("the conversation as it is now", func(m toldMessage) bool { return m.Type == ConversationChanged })
	if c := m.Data["conversations"].([]any)[0].(map[string]any); c["unread"] != 2.0 {
		t.Errorf("told %v", m.Data)
	}
	if _, err := h.Replay(testkit.Context(t), "none", nil); err == nil || !strings.Contains(err.Error(), "no endpoint of this name") {
		t.Errorf("of an endpoint that is not there: %v", err)
	}
}

// TestTwo: of two reddots one delivers; when it ends, the other goes on, at once, and
// either can be asked.
func TestTwo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.receiver(nil)
	file := "[" + endpointFile("push", r.URL, `"types": ["badge.changed"]`) + "]"
	one := w.start(file)
	two := w.start(file, func(c *Config) { c.Instance = "two" })
	first, second := one, two
	testkit.Eventually(t, "one of them delivers", func() bool { return len(one.now())+len(two.now()) > 0 })
	if len(two.now()) > 0 {
		first, second = two, one
	}
	w.message("alice", 1)
	r.await("alice's badge", badgeIs("alice", 1))
	if len(second.now()) > 0 {
		t.Error("both deliver")
	}
	if list, err := second.List(testkit.Context(t)); err != nil || list.Webhooks[0].State != "ok" {
		t.Errorf("the other one says %+v %v", list, err)
	}
	first.end()
	w.message("alice", 2)
	r.await("the other one delivers", badgeIs("alice", 2))
	if len(r.all()) != 2 {
		t.Errorf("told %v", r.all())
	}
}

// TestNATSRestart: webhooks go on when the NATS server is back.
func TestNATSRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.receiver(nil)
	w.start("[" + endpointFile("push", r.URL, `"types": ["badge.changed"]`) + "]")
	w.message("alice", 1)
	r.await("alice's badge", badgeIs("alice", 1))
	w.ns.Restart()
	testkit.Eventually(t, "the stream is back", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // what is lost on the way is never acknowledged
		defer cancel()
		_, err := w.js.Publish(ctx, "unread.cmd.user.alice.message", []byte(`{"id": "m2", "from": "bob"}`))
		return err == nil
	})
	r.await("alice's next badge", badgeIs("alice", 2))
}

// TestReload: a new file is followed; one that can't be used changes nothing.
func TestReload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.receiver(nil), w.receiver(nil)
	path := filepath.Join(t.TempDir(), "hooks.json")
	file := "[" + endpointFile("a", a.URL, `"types": ["badge.changed"]`) + "]"
	h := w.start(file, func(c *Config) { c.Path = path })
	testkit.OK(t, os.WriteFile(path, []byte(`[{"name": "a"}]`), 0o600))
	if err := h.Reload(); err == nil || !strings.Contains(err.Error(), "[0].url: is missing") {
		t.Errorf("a bad file: %v", err)
	}
	w.message("alice", 1)
	a.await("alice's badge", badgeIs("alice", 1))
	testkit.OK(t, os.WriteFile(path, []byte("["+endpointFile("b", b.URL, `"types": ["badge.changed"]`)+"]"), 0o600))
	testkit.OK(t, h.Reload())
	testkit.Eventually(t, "b is told", func() bool {
		_, ok := h.now()["b"]
		return ok && h.running("a") == nil && h.running("b").figures.Load() != nil
	})
	w.message("alice", 2)
	b.await("alice's next badge", badgeIs("alice", 2))
	if got := a.all(); len(got) != 1 {
		t.Errorf("who is in the file no more is told %v", got)
	}
}
