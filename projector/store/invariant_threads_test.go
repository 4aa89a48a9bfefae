package store_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store/row"
)

// threads checks what a log knows of its threads, and finds out which messages that
// count apart were recalled.
func (a *audit) threads(k fold.Key, l *auditedLog) {
	threads := map[string][]fold.Pos{}
	for i := range l.messages {
		if m := &l.messages[i]; m.Thread != "" && (!m.Hidden || k.Kind == events.C2C && m.From != k.User) {
			threads[m.Thread] = append(threads[m.Thread], fold.Pos(i+1))
		}
	}
	orders := map[events.Seq]string{}
	for seq, name := range a.ThreadOrder(k, 1<<63) {
		orders[seq] = name
	}
	newest := events.Seq(0)
	for _, name := range slices.Sorted(maps.Keys(threads)) {
		t := a.Thread(k, name)
		if t == nil {
			a.fail("%+v: thread %q has no row", k, name)
			continue
		}
		a.thread(k, l, name, t, threads[name])
		if t.There() && orders[t.Order] != name {
			a.fail("%+v: thread %q is not at its place %d of %v", k, name, t.Order, orders)
		}
		delete(orders, t.Order)
		newest = max(newest, t.Order)
		a.known[fmt.Sprintf("%v %s", k, name)] = true
	}
	if len(orders) > 0 || newest != l.OfThreads().Order {
		a.fail("%+v: the newest thread is at %d of %d; in the order are also %v", k, l.OfThreads().Order, newest, orders)
	}
	a.same(k.Set(fold.SetThreaded), &l.OfThreads().Threaded, l.ordinals(0, func(m *fold.Message) bool { return m.Thread != "" && !m.Apart }))
	a.same(k.Set(fold.SetAllAp), &l.OfThreads().All, l.ordinals(0, func(m *fold.Message) bool { return m.All && m.Apart }))
	var apart []fold.Ord
	counted := fold.Ord(0)
	for i := range l.messages {
		switch m := &l.messages[i]; {
		case m.Counted && m.Apart:
			apart = append(apart, m.Ord)
		case m.Counted:
			counted = m.Ord
		}
	}
	a.same(k.Set(fold.SetApart), &l.OfThreads().Apart, apart)
	if counted != l.Counted {
		a.fail("%+v: ordinal %d counted last in the conversation, not %d", k, l.Counted, counted)
	}
}

// thread checks the row of a thread with the messages at some positions.
func (a *audit) thread(k fold.Key, l *auditedLog, name string, t *fold.Thread, at []fold.Pos) {
	last, peer := fold.Last{}, fold.PeerMark{}
	live := map[fold.Ord]bool{}
	for _, o := range a.set(k.SetOf(name, fold.SetAp), &t.Ap) {
		live[o] = true
	}
	for _, pos := range at {
		m := &l.messages[pos-1]
		if !m.Hidden {
			last = fold.Last{ID: m.ID, From: m.From, At: m.At, Seq: m.Seq, Pos: pos, Revoked: m.Revoked, Thread: true}
		}
		if k.Kind == events.C2C && m.From != k.User {
			peer = fold.PeerMark{Pos: pos, ID: m.ID}
		}
		if m.Counted && m.Apart && !live[m.Ord] {
			l.revoked[m.Ord] = true
		}
	}
	if last.Revoked = last.Revoked || t.Last.Revoked; last != t.Last || peer != t.Peer {
		a.fail("%+v: thread %q has %+v last, and of the peer %+v, not %+v and %+v", k, name, t.Last, t.Peer, last, peer)
	}
	a.same(k.SetOf(name, fold.SetIn), &t.In, l.ordinals(0, func(m *fold.Message) bool { return m.Thread == name && !m.Apart }))
	a.same(k.SetOf(name, fold.SetAp), &t.Ap, l.ordinals(0, func(m *fold.Message) bool { return m.Thread == name && m.Apart }))
}

// timelines checks that the rows of timelines are those of conversations, and that who
// follows is listed as a follower.
func (a *audit) timelines() {
	rows, followers := map[fold.Key]uint64{}, map[string]bool{}
	for _, key := range a.rows["f"] {
		k, era, name, ok := row.ParseTimeline("f" + key)
		if !ok {
			a.fail("timeline %q", key)
			continue
		}
		if c := a.Conversation(k); a.ended(k) || c == nil || c.Era != era {
			if !a.ended(k) && a.pending.ErasedAt(k.User) == 0 {
				a.fail("timeline %q of %+v has no conversation", name, k)
			}
			followers[k.ID+"\x00"+name+"\x00"+k.User] = true // left to be swept
			continue
		}
		rows[k]++
		t := a.Timeline(k, name)
		if t == nil {
			a.fail("timeline %q of %+v is not found", name, k)
		} else if t.Following && k.Kind == events.Group {
			followers[k.ID+"\x00"+name+"\x00"+k.User] = true
		}
	}
	for _, key := range a.rows["c"] {
		user, id, _ := strings.Cut(key, "\x00")
		k := fold.Key{User: user, ConversationID: conversationOf(id)}
		if c := a.Conversation(k); !a.ended(k) && c.Timelines != rows[k] {
			a.fail("%q in %v: %d timelines, %d rows", k.User, k, c.Timelines, rows[k])
		}
	}
	for _, key := range a.rows["o"] {
		if !followers[key] {
			a.fail("%q does not follow", key)
		}
		delete(followers, key)
	}
	if a.pending == nil && len(followers) > 0 {
		a.fail("%v follow and are not listed", followers)
	}
	for _, key := range a.rows["h"] {
		if log, era, name := ownerOf(key); !a.swept(log, era) && !a.known[fmt.Sprintf("%v %s", log, name)] {
			a.fail("thread %q of %+v has no message", name, log)
		}
	}
}
