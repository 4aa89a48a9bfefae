package view

import (
	"slices"

	"reddot/events"
	"reddot/projector/fold"
)

// Explain answers why a count is what it is: a conversation's, or that of one timeline of
// it; false if the conversation is not in the user's list, or the thread is not there.
func Explain(r fold.Reader, k fold.Key, of *string, limit int) (events.Explanation, bool) {
	i, ok := load(r, k)
	if !ok || !i.in {
		return events.Explanation{}, false
	}
	if of != nil {
		t := i.timeline(r, *of)
		return t.explain(r, limit), t.there()
	}
	v, t := i.view(r, i.summary(r)), i.tally(r)
	purged := uint64(i.row.From(i.log).Ord - i.row.Read.Ord)
	e := events.Explanation{
		User: k.User, Version: Version(r, k.User), Conversation: v.Conversation,
		Unread: v.Unread, Mentions: v.Mentions, MarkedUnread: v.MarkedUnread, Muted: v.Muted, Level: v.Level, Labels: v.Labels,
		ReadUpto: v.ReadUpto, ReadAt: v.ReadAt, ReadSeq: i.row.ReadSeq,
		SinceRead: t.Since() + purged, Own: t.Own(), Revoked: t.Revoked(), Blocked: t.Blocked(), Purged: purged, Carried: i.row.Carried,
	}
	e.Threads = int64(e.Unread) - int64(t.Since()+e.Carried-e.Own-e.Revoked-e.Blocked)
	for _, pending := range i.row.PendingReads {
		e.PendingReads = append(e.PendingReads, events.PendingRead{Upto: pending.ID, At: pending.At, Seq: pending.Seq, Private: !pending.Open})
	}
	i.list(r, &e, limit, t.Next)
	return e, true
}

// explain answers why the count of a timeline is what it is.
func (t thread) explain(r fold.Reader, limit int) events.Explanation {
	v, tally, at := t.view(r), t.tally(r), t.item.row.Position(t.name, t.row)
	e := events.Explanation{
		User: t.key.User, Version: Version(r, t.key.User), Conversation: v.Conversation, Thread: &v.Thread,
		Unread: v.Unread, Mentions: v.Mentions, Muted: v.Muted, ReadUpto: v.ReadUpto, ReadSeq: at.Seq,
	}
	if at.Set {
		e.ReadAt = at.At
	}
	if t.name == "" {
		e.Carried = t.item.row.Carried
	}
	e.SinceRead, e.Own, e.Revoked, e.Blocked = tally.ThreadSince(t.name)
	t.list(r, &e, limit, func(after fold.Ord) fold.Ord { return tally.NextOf(t.name, after) })
	return e
}

// list lists the messages of a count.
func (i item) list(r fold.Reader, e *events.Explanation, limit int, next func(after fold.Ord) fold.Ord) {
	e.Messages = []events.ExplainedMessage{}
	for o := fold.Ord(0); len(e.Messages) < limit; {
		if o = next(o); o == 0 {
			break
		}
		m := i.messageAt(r, o)
		e.Messages = append(e.Messages, events.ExplainedMessage{
			ID: m.ID, From: m.From, At: m.At, Seq: m.Seq, Thread: m.Thread,
			Mention: m.Named || m.All || slices.Contains(m.Mentions, i.key.User),
		})
	}
	e.More = e.Unread - min(e.Unread, e.Carried) - uint64(len(e.Messages))
}
