package view_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/testkit"
	"reddot/projector/view"
)

// ward is what "u" should be shown of a conversation, by looking at every message.
type ward struct {
	key      fold.Key
	messages []wardMessage
	read     int // messages
	deleted  int // messages when it was deleted; -1: it was not
}

type wardMessage struct {
	id, from       string
	named, revoked bool
}

// counts are the indices of the messages that make up the count.
func (w *ward) counts(blocked []string) (all []int) {
	for i, m := range w.messages {
		if i >= w.read && !m.revoked && m.from != "u" && !slices.Contains(blocked, m.from) {
			all = append(all, i)
		}
	}
	return all
}

// listed reports whether somebody who is not blocked has written since the deletion.
func (w *ward) listed(blocked []string) bool {
	return w.deleted < 0 || slices.ContainsFunc(w.messages[w.deleted:], func(m wardMessage) bool { return !slices.Contains(blocked, m.from) })
}

// check compares what is shown of a conversation.
func (w *ward) check(t *testing.T, rows fold.Reader, blocked []string) {
	t.Helper()
	want := w.counts(blocked)
	mentions, first := uint64(0), ""
	for _, i := range want {
		if w.messages[i].named {
			mentions++
		}
	}
	if len(want) > 0 {
		first = w.messages[want[0]].id
	}
	c, listed := view.Conversation(rows, w.key)
	if listed != w.listed(blocked) {
		t.Fatalf("%s with %q blocked: listed %v: %+v", w.key, blocked, listed, w)
	}
	if !listed {
		return
	}
	if c.Unread != uint64(len(want)) || c.Mentions != mentions || c.FirstUnread != first {
		t.Fatalf("%s with %q blocked: %+v, not %d unread, %d mentions, the first %q", w.key, blocked, c, len(want), mentions, first)
	}
	e, _ := view.Explain(rows, w.key, nil, 1_000)
	if e.SinceRead-e.Own-e.Revoked-e.Blocked != e.Unread || len(e.Messages) != len(want) {
		t.Fatalf("%s with %q blocked: %+v", w.key, blocked, e)
	}
	for n, i := range want {
		if e.Messages[n].ID != w.messages[i].id || e.Messages[n].Mention != w.messages[i].named {
			t.Fatalf("%s: message %d is %+v, not %+v", w.key, n, e.Messages[n], w.messages[i])
		}
	}
}

// write has somebody write.
func (w *ward) write(r *rig, rng *rand.Rand, from string) {
	m := wardMessage{id: fmt.Sprint("m", len(w.messages)), from: from}
	c := message(w.key, from, m.id)
	switch rng.IntN(4) {
	case 0:
		c.Mentions, m.named = []string{"u"}, from != "u"
	case 1:
		if w.key.Kind == events.Group {
			c.MentionAll, m.named = true, from != "u"
		}
	}
	r.do(c)
	w.messages = append(w.messages, m)
}

// step draws what happens to a conversation.
func (w *ward) step(r *rig, rng *rand.Rand, senders []string, blocked []string) {
	switch n := rng.IntN(20); {
	case n < 12 && w.key.Kind == events.C2C:
		w.write(r, rng, w.key.ID)
	case n < 12:
		w.write(r, rng, senders[rng.IntN(len(senders))])
	case n < 16 && len(w.messages) > 0:
		m := &w.messages[rng.IntN(len(w.messages))]
		r.do(revoke(w.key, m.id))
		m.revoked = true
	case n < 17:
		if r.do(act(events.UserRead, w.key)); w.key.Kind == events.Group || len(w.messages) > 0 {
			w.read = len(w.messages)
		}
	case n < 18 && len(w.messages) > 0:
		c := act(events.UserUnread, w.key)
		i := rng.IntN(len(w.messages))
		c.From = w.messages[i].id
		was := w.read
		w.read = i
		if len(w.counts(blocked)) == 0 {
			w.read = was // the mark is set instead
		}
		if r.do(c); !r.fx.Ignored {
			w.deleted = -1
		}
	case n < 19 && w.listed(blocked) && (w.key.Kind == events.Group || len(w.messages) > 0):
		r.do(act(events.UserDelete, w.key))
		w.read, w.deleted = len(w.messages), len(w.messages)
	}
}

// TestBlock: a blocked sender's messages count nowhere and bring nothing back, and
// count again when they are blocked no more; the version says of which conversations
// that changes anything, and only of those.
func TestBlock(t *testing.T) {
	rng := testkit.Rand(t)
	senders := []string{"a", "b", "c", "u", "p0", "p1"}
	for range testkit.Effort(12) {
		r := newRig(t)
		wards := []*ward{{key: c2c("p0"), deleted: -1}, {key: c2c("p1"), deleted: -1}}
		for n := range 20 { // more than are looked for one by one
			w := &ward{key: group(fmt.Sprint("g", n)), deleted: -1}
			r.do(join(w.key.ID, "u"))
			wards = append(wards, w)
		}
		var blocked []string
		for range testkit.Effort(120) {
			for range rng.IntN(12) {
				wards[rng.IntN(4)].step(r, rng, senders, blocked)
				wards[rng.IntN(len(wards))].step(r, rng, senders, blocked)
			}
			c := events.Command{Verb: events.UserBlock, Inbox: "u", Users: senders[rng.IntN(5):], Blocked: rng.IntN(2) == 0}
			c.Users = c.Users[:1+rng.IntN(len(c.Users))]
			now := slices.DeleteFunc(slices.Clone(blocked), func(user string) bool { return slices.Contains(c.Users, user) })
			if c.Blocked {
				now = slices.DeleteFunc(append(now, c.Users...), func(user string) bool { return user == "u" })
			}
			before := shownOf(r, wards)
			r.do(c)
			after := shownOf(r, wards)
			for i, w := range wards {
				was, is := before[i], after[i]
				changed := was.Unread != is.Unread || was.Mentions != is.Mentions || (was.Conversation == "") != (is.Conversation == "")
				if told := slices.Contains(r.fx.Changed, w.key); told != changed || changed && is.Conversation != "" && is.Version != r.seq {
					t.Fatalf("%+v: %s was %+v, is %+v; changed: %q", c, w.key, was, is, r.fx.Changed)
				}
				if left := slices.Contains(r.fx.Noted, w.key); left != (was.Conversation != "" && is.Conversation == "") {
					t.Fatalf("%+v: %s was %+v, is %+v; left: %q", c, w.key, was, is, r.fx.Noted)
				}
			}
			blocked = now
			r.read(func(rows fold.Reader) {
				for _, w := range wards {
					if w.key.Kind == events.Group || len(w.messages) > 0 {
						w.check(t, rows, blocked)
					}
				}
			})
		}
	}
}

// shownOf is what is shown of each conversation.
func shownOf(r *rig, wards []*ward) (all []events.Conversation) {
	r.read(func(rows fold.Reader) {
		for _, w := range wards {
			c, _ := view.Conversation(rows, w.key)
			all = append(all, c)
		}
	})
	return all
}

// TestBlockIsBounded: one more than there may be is refused; who is blocked already,
// or oneself, is none.
func TestBlockIsBounded(t *testing.T) {
	r := newRig(t)
	var users []string
	for n := range events.MaxBlocked {
		users = append(users, fmt.Sprint("x", n))
	}
	block := func(blocked bool, users ...string) events.Command {
		return events.Command{Verb: events.UserBlock, Inbox: "u", Users: users, Blocked: blocked}
	}
	for _, step := range []struct {
		c       events.Command
		refused string
		ignored bool
	}{
		{c: block(true, "u"), ignored: true},
		{c: block(true, users...)},
		{c: block(true, append([]string{"u"}, users[:3]...)...), ignored: true},
		{c: block(true, "more"), refused: fold.ReasonBlocked},
		{c: block(false, "more"), ignored: true},
		{c: block(false, "more", "x1")},
		{c: block(true, "more")},
	} {
		if r.do(step.c); r.fx.Refused != step.refused || r.fx.Ignored != step.ignored {
			t.Errorf("%v %q: refused %q, ignored %v", step.c.Blocked, step.c.Users[:1], r.fx.Refused, r.fx.Ignored)
		}
	}
	r.do(events.Command{Verb: events.UserErase, Inbox: "u"})
	r.read(func(rows fold.Reader) {
		if set := rows.Settings("u"); !set.Empty() || r.fx.Ignored {
			t.Errorf("after an erasure %+v, ignored %v", set, r.fx.Ignored)
		}
	})
}
