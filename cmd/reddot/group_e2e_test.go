package main_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/testkit"
)

// Members of the groups, all counted from member 0, and how many watch.
const (
	largeGroup  = 100_000
	middleGroup = 20_000
	smallGroup  = 10
	watchers    = 10
)

// member is the n-th member of a group, from 0.
func member(n int) string { return fmt.Sprintf("u%d", n) }

// crowd is a server with the three groups.
type crowd struct {
	*child
	nc   *nats.Conn
	sent int
}

// testLargeGroup: a message in a group of 100,000 writes as many rows as one in
// a group of 10, and is counted for everyone at once. Who is told depends on
// the fan-out limit.
func testLargeGroup(t *testing.T, p program) {
	dir := t.TempDir()
	c := &crowd{child: p.serve(t, dir)}
	c.nc = connect(t, c.nats)
	c.join(t)
	c.sweep(t)
	c.compareRows(t)
	c.countsAtOnce(t)
	c.notifiesWatchers(t)
	c.terminate(t)

	everyone := func() {
		c.child = p.serve(t, dir, "--fanout-limit", "1000000")
		c.nc = connect(t, c.nats)
	}
	everyone()
	c.notifiesEveryone(t)
	for _, end := range []func(){func() { c.terminate(t) }, func() { c.kill() }} {
		c.notifiesOnce(t, func() {
			end()
			everyone()
		})
	}
}

func (c *crowd) join(t *testing.T) {
	t.Helper()
	start, last := time.Now(), events.Seq(0)
	for group, size := range map[string]int{"small": smallGroup, "middle": middleGroup, "large": largeGroup} {
		for n := 0; n < size; n += events.MaxUsers {
			last = publish(t, c.nc, "unread.cmd.group."+group+".join", users(t, n, min(size, n+events.MaxUsers)))
		}
	}
	if s := settled(t, c.nc, last); s.Refused != 0 || s.Ignored != 0 {
		t.Fatalf("status %+v", s)
	}
	t.Logf("told %d members of their joins in %v", largeGroup, time.Since(start).Round(time.Millisecond))
}

// sweep publishes commands that change nothing: each writes down some of what the
// joins have left to be swept.
func (c *crowd) sweep(t *testing.T) {
	t.Helper()
	js := jetStream(t, c.nc)
	n := int((largeGroup + middleGroup) / fold.DefaultPace().Each)
	var newest jetstream.PubAckFuture
	for range n + 1 {
		future, err := js.PublishAsync("unread.cmd.policy", []byte("{}"), jetstream.WithStallWait(waitTimeout))
		if err != nil {
			t.Fatal(err)
		}
		newest = future
	}
	select {
	case ack := <-newest.Ok():
		settled(t, c.nc, events.Seq(ack.Sequence))
	case err := <-newest.Err():
		t.Fatal(err)
	case <-time.After(waitTimeout):
		t.Fatal("the commands are not stored")
	}
}

// users is the payload of a join of some members.
func users(t *testing.T, from, to int) string {
	t.Helper()
	var payload struct {
		Users []string `json:"users"`
	}
	for n := from; n < to; n++ {
		payload.Users = append(payload.Users, member(n))
	}
	text, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// say sends a message of a member to a group.
func (c *crowd) say(t *testing.T, group string, from int) events.Seq {
	t.Helper()
	c.sent++
	return publish(t, c.nc, "unread.cmd.group."+group+".message", fmt.Sprintf(`{"id":"m%d","from":%q,"at":%d}`, c.sent, member(from), c.sent))
}

// compareRows sends messages one by one and counts the rows of each.
func (c *crowd) compareRows(t *testing.T) {
	t.Helper()
	rows := map[string]float64{}
	for range 3 {
		for _, group := range []string{"small", "large"} {
			before := c.metric(t, "reddot_rows_written_total")
			settled(t, c.nc, c.say(t, group, 1))
			rows[group] += c.metric(t, "reddot_rows_written_total") - before
		}
	}
	if rows["large"] != rows["small"] || rows["small"] == 0 {
		t.Errorf("3 messages write %.0f rows in the large group, %.0f in the small one", rows["large"], rows["small"])
	}
	t.Logf("3 messages write %.0f rows", rows["large"])
}

// countsAtOnce asks members for their count right after a message.
func (c *crowd) countsAtOnce(t *testing.T) {
	t.Helper()
	for _, n := range []int{0, 9, 10, 54_321, largeGroup - 1} {
		seq := c.say(t, "large", 1)
		start := time.Now()
		got := told[events.ConversationReply](t, c.nc, "unread.api."+member(n)+".conversation", request{Conversation: "group_large", AfterSeq: seq})
		took := time.Since(start)
		want := events.Conversation{Conversation: "group_large", Unread: uint64(c.sent - 3), FirstUnread: "m2", Version: seq,
			LastMessage: &events.LastMessage{ID: fmt.Sprintf("m%d", c.sent), From: member(1), At: events.Time(c.sent)}}
		if diff := cmp.Diff(want, got.Conversation); diff != "" {
			t.Errorf("member %d (-want +got):\n%s", n, diff)
		}
		if took > time.Second {
			t.Errorf("member %d waits %v for the count", n, took)
		}
	}
}

// notifiesWatchers: ten members watch, and no one else is notified.
func (c *crowd) notifiesWatchers(t *testing.T) {
	t.Helper()
	want := map[string]bool{}
	for i := range watchers {
		user := member(i * largeGroup / watchers)
		want[user] = true
		reply := told[events.WatchReply](t, c.nc, "unread.api."+user+".watch", request{})
		if left := time.Until(time.UnixMilli(int64(reply.Until))); left < 50*time.Second || left > 61*time.Second {
			t.Errorf("the watch of %s ends in %v", user, left)
		}
	}
	heard := listen(t, c.nc)
	before := c.metric(t, "reddot_events_changes_total")
	settled(t, c.nc, c.say(t, "large", 77)) // no watcher
	if got := c.metric(t, "reddot_events_changes_total") - before; got != watchers {
		t.Errorf("%.0f change events for %d watchers", got, watchers)
	}
	got := map[string]bool{}
	for user := range heard.take(t, nil).boxes {
		got[user] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("who is told (-want +got):\n%s", diff)
	}
}

// notifiesEveryone: above the limit nobody is left out, the sender included, and a
// later message to someone else is heard too.
func (c *crowd) notifiesEveryone(t *testing.T) {
	t.Helper()
	heard := listen(t, c.nc)
	outsider, err := c.nc.SubscribeSync(subjects(t).Change("outsider"))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	seq := c.say(t, "large", 77)
	last := publish(t, c.nc, "unread.cmd.user.outsider.message", `{"id":"m1","from":"u1"}`)
	if _, err := outsider.NextMsg(waitTimeout); err != nil {
		t.Fatalf("the outsider hears nothing: %v", err)
	}
	apart := time.Since(start)
	settled(t, c.nc, last)
	took := time.Since(start)

	place, n := 0, 0
	mail := heard.take(t, func(m *nats.Msg) {
		if n++; m.Subject == subjects(t).Change("outsider") {
			place = n
		}
	})
	t.Logf("%d events in %v; the outsider's is number %d, after %v", mail.count, took.Round(time.Millisecond), place, apart.Round(time.Millisecond))
	if mail.count != largeGroup+1 || len(mail.boxes) != largeGroup+1 {
		t.Errorf("%d events for %d users, want one for each of %d members and one outsider", mail.count, len(mail.boxes), largeGroup)
	}
	for n := range largeGroup {
		if got := mail.box(member(n)).list["group_large"]; got.Version != seq || got.LastMessage.ID != fmt.Sprintf("m%d", c.sent) {
			t.Fatalf("member %d heard of %+v", n, got)
		}
	}
}

// notifiesOnce: a server that ends while it notifies everyone notifies the others after
// the next start, and nobody twice. The members of the large group would only
// take longer.
func (c *crowd) notifiesOnce(t *testing.T, restart func()) {
	t.Helper()
	before := lastEvent(t, c.nc)
	seq := c.say(t, "middle", 77)
	told := before
	some := before + 1 + rand.Uint64N(middleGroup/2)
	testkit.Eventually(t, "tell some", func() bool {
		told = lastEvent(t, c.nc)
		return told >= some
	})
	restart()
	settled(t, c.nc, seq)
	mail := storedMail(t, c.nc, before+1)
	t.Logf("ended after some %d events", told-before)
	if mail.count != middleGroup {
		t.Errorf("%d events for %d members", mail.count, middleGroup)
	}
	for n := range middleGroup {
		if got := mail.box(member(n)).last.Version; got != seq {
			t.Fatalf("member %d was told of version %d, not %d", n, got, seq)
		}
	}
}

// lastEvent is the last sequence of the event stream.
func lastEvent(t *testing.T, nc *nats.Conn) uint64 {
	t.Helper()
	stream, err := jetStream(t, nc).Stream(t.Context(), subjects(t).EventStream())
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().State.LastSeq
}
