package projector_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/testkit"
)

// counted are the values of one metric by a label's value.
func counted(t *testing.T, registry *prometheus.Registry, name string) map[string]float64 {
	t.Helper()
	got := map[string]float64{}
	for _, family := range testkit.Must(registry.Gather())(t) {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			label := ""
			for _, l := range m.GetLabel() {
				label = l.GetValue()
			}
			if v := m.GetCounter().GetValue(); v > 0 {
				got[label] = v
			}
		}
	}
	return got
}

// TestRefusedAreTold: whoever runs reddot sees what it refuses, and why.
func TestRefusedAreTold(t *testing.T) {
	b := newBus(t)
	registry := prometheus.NewRegistry()
	dir := t.TempDir()
	p := b.run(dir, func(cfg *projector.Config) { cfg.Registry = registry })
	a := b.author()
	team := events.ConversationID{Kind: events.Group, ID: "team"}
	a.garble("unread.cmd.user.alice.mesage", []byte(`{"id":"m1","from":"bob"}`))
	a.garble("unread.cmd.user.alice.message", []byte(`{"id":"m1","form":"bob"}`))
	a.garble("unread.cmd.user.alice.message", []byte(`{"id":"m1"`))
	a.write(events.Command{Verb: events.UserRead, Inbox: "alice", Conversation: team})
	a.write(events.Command{Verb: events.UserMute, Inbox: "alice", Conversation: team})
	a.write(events.Command{Verb: events.GroupMessage, Inbox: "team", ID: "g1", From: "bob"})
	a.write(events.Command{Verb: events.GroupJoin, Inbox: "team", Users: []string{"alice"}})
	a.write(events.Command{Verb: events.GroupMessage, Inbox: "team", ID: "g2", From: "bob"})
	p.settle(a.flush())
	want := map[string]float64{"verb": 1, "missing_field": 1, "payload": 1, "not_member": 2}
	if d := cmp.Diff(want, counted(t, registry, "reddot_commands_refused_total")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]float64{"": 1}, counted(t, registry, "reddot_group_messages_unheard_total")); d != "" {
		t.Error(d)
	}
	again := func() {
		t.Helper()
		s := p.status()
		if d := cmp.Diff(map[string]uint64{"verb": 1, "missing_field": 1, "payload": 1, "not_member": 2}, s.RefusedFor); d != "" || s.Refused != 5 {
			t.Errorf("%d refused, for %s", s.Refused, d)
		}
	}
	again()
	for _, line := range []string{
		`level=WARN msg="command refused" seq=1 subject=unread.cmd.user.alice.mesage reason="unknown verb"`,
		`level=WARN msg="command refused" seq=2 subject=unread.cmd.user.alice.message reason="from is missing"`,
		`level=WARN msg="command refused" seq=4 subject=unread.cmd.user.alice.read reason="not a member of the group"`,
		`level=WARN msg="message in a group without members: it counts for nobody" seq=6 subject=unread.cmd.group.team.message`,
	} {
		if !p.log.Has(line) {
			t.Errorf("the log lacks %s:\n%s", line, p.log.String())
		}
	}
	p.stop()
	p = b.run(dir)
	p.settle(a.last())
	again() // the store knows
}
