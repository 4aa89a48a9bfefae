package gate_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"reddot/api/gate"
	"reddot/events"
)

// TestQuota: a user makes so many conversations and no more; what a peer has
// written in does not count, nor what is there already.
func TestQuota(t *testing.T) {
	w := newWorld(t)
	r := w.start(gate.Config{Rate: -1}, true)
	const most = 5
	r.gate.SetQuota(most)
	w.publish("unread.cmd.user.alice.message", `{"id":"m1","from":"friend"}`)
	for i := range most {
		verb, payload := "mute", fmt.Sprintf(`{"conversation":"c2c_p%d","muted":true,"wait":"applied"}`, i)
		if i%2 == 0 {
			verb, payload = "read", fmt.Sprintf(`{"conversation":"c2c_p%d","upto":"x","wait":"applied"}`, i)
		}
		if got := w.do("alice", verb, payload); got.code != "200" {
			t.Fatalf("number %d got %+v", i, got)
		}
	}
	before := w.last().Sequence
	for _, request := range []string{
		`mute {"conversation":"c2c_new","muted":true}`, `read {"conversation":"c2c_new","upto":"x"}`,
		`level {"conversation":"c2c_new","level":"mentions"}`, `label {"conversation":"c2c_new","add":["pinned"]}`,
	} {
		verb, payload, _ := strings.Cut(request, " ")
		if got := w.do("alice", verb, payload); got.code != "400" || !strings.Contains(got.Message, "you hold 5 conversations and threads in which nobody has written") {
			t.Errorf("%s: one too many got %+v", request, got)
		}
	}
	if last := w.last().Sequence; last != before {
		t.Errorf("%d commands stored beyond the quota", last-before)
	}
	for _, request := range []string{
		`mute {"conversation":"c2c_friend","muted":true}`, `read {"conversation":"c2c_friend","upto":"x"}`, `mute {"conversation":"c2c_p1","muted":true}`,
		`mute {"conversation":"c2c_new","muted":false}`, `read {"conversation":"c2c_new"}`, `read {"conversation":"c2c_new","upto_at":5}`,
		`unread {"conversation":"c2c_new"}`, `delete {"conversation":"c2c_new"}`, `mute {"conversation":"group_g","muted":true}`, `read-all {}`,
		`level {"conversation":"c2c_new","level":"all"}`, `label {"conversation":"c2c_new","remove":["pinned"]}`, `clear {"conversation":"c2c_new"}`,
		`mute {"conversation":"c2c_new","muted":true,"thread":"t"}`,
	} {
		verb, payload, _ := strings.Cut(request, " ")
		if got := w.do("alice", verb, payload); got.code != "200" {
			t.Errorf("%s makes nothing, and got %+v", request, got)
		}
	}
	if got := w.do("bob", "mute", `{"conversation":"c2c_new","muted":true}`); got.code != "200" {
		t.Errorf("bob got %+v", got)
	}
	// A peer writes: room for one more, once it is counted again.
	seq := w.publish("unread.cmd.user.alice.message", `{"id":"m1","from":"p0"}`).Sequence
	if err := r.p.WaitApplied(t.Context(), events.Seq(seq)); err != nil {
		t.Fatal(err)
	}
	mute := events.Command{Verb: events.UserMute, Inbox: "alice", Conversation: c2c("new"), Muted: true}
	soon := time.Now().Add(2 * time.Second)
	if err := r.gate.CheckQuota(&mute, soon); err != nil {
		t.Errorf("after a peer has written: %v", err)
	}
	if _, ok := errors.AsType[*events.Invalid](r.gate.CheckQuota(&mute, soon)); !ok {
		t.Error("the room is used up, and another is let through")
	}
}

// TestThreadQuota: threads in which nobody has written are bounded together with
// conversations; those with messages are not, nor what brings about none.
func TestThreadQuota(t *testing.T) {
	w := newWorld(t)
	r := w.start(gate.Config{Rate: -1}, true)
	const most = 3
	r.gate.SetQuota(most)
	w.publish("unread.cmd.group.team.join", `{"users":["alice"]}`)
	w.publish("unread.cmd.group.team.message", `{"id":"g1","from":"bob"}`)
	w.publish("unread.cmd.group.team.message", `{"id":"g2","from":"bob","thread":"t"}`)
	for _, request := range []string{
		`mute {"conversation":"c2c_p","muted":true,"wait":"applied"}`,
		`follow {"conversation":"group_team","thread":"t1","following":true,"wait":"applied"}`,
		`follow {"conversation":"group_team","thread":"t2","following":true,"wait":"applied"}`,
	} {
		verb, payload, _ := strings.Cut(request, " ")
		if got := w.do("alice", verb, payload); got.code != "200" {
			t.Fatalf("%s got %+v", request, got)
		}
	}
	before := w.last().Sequence
	for _, request := range []string{
		`follow {"conversation":"group_team","thread":"t3","following":true}`, `unread {"conversation":"group_team","thread":"t3","from":"g1"}`,
		`mute {"conversation":"c2c_q","muted":true}`,
	} {
		verb, payload, _ := strings.Cut(request, " ")
		if got := w.do("alice", verb, payload); got.code != "400" || !strings.Contains(got.Message, "you hold 3 conversations and threads") {
			t.Errorf("%s: one too many got %+v", request, got)
		}
	}
	if last := w.last().Sequence; last != before {
		t.Errorf("%d commands stored beyond the quota", last-before)
	}
	for _, request := range []string{
		`follow {"conversation":"group_team","thread":"t","following":true}`, `follow {"conversation":"group_team","thread":"t1","following":true}`,
		`follow {"conversation":"group_team","thread":"t3","following":false}`, `unread {"conversation":"group_team","thread":"t","from":"g2"}`,
		`mute {"conversation":"group_team","thread":"t3","muted":true}`, `read {"conversation":"group_team","thread":"t3"}`,
	} {
		verb, payload, _ := strings.Cut(request, " ")
		if got := w.do("alice", verb, payload); got.code != "200" {
			t.Errorf("%s makes nothing, and got %+v", request, got)
		}
	}
}
