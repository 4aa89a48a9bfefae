package view

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"reddot/events"
	"reddot/projector/fold"
)

// item is one conversation of a user, with the rows that its view is derived from.
type item struct {
	key fold.Key
	row *fold.Conversation
	log *fold.Log
	in  bool // the list
}

func load(r fold.Reader, k fold.Key) (item, bool) {
	c := r.Conversation(k)
	if c == nil {
		return item{}, false
	}
	log := fold.LogOf(r, k, c)
	return item{k, c, log, c.Listed(r, k, log)}, true
}

// entry is one conversation of a user as lists and totals show it.
type entry struct {
	key fold.Key
	row *fold.Conversation
	*fold.Summary
}

// item is the entry with all that its view is derived from.
func (e *entry) item(r fold.Reader) item {
	return item{e.key, e.row, fold.LogOf(r, e.key, e.row), e.Listed}
}

// view is what the user is shown of it.
func (e *entry) view(r fold.Reader) events.Conversation { return e.item(r).view(r, e.Summary) }

// each calls fn with the conversations of a user's list, and returns the user's version,
// and how many conversations there are, listed or not.
func each(r fold.Reader, user string, fn func(*entry)) (version events.Seq, rows int) {
	version, e := unlisted(r, user), new(entry)
	rows = r.Summaries(user, func(k fold.Key, c *fold.Conversation, s *fold.Summary) {
		if version = max(version, s.Latest()); s.Listed {
			*e = entry{k, c, s}
			fn(e)
		}
	})
	return version, rows
}

// Conversation returns the view of one conversation; false if it is not in
// the user's list.
func Conversation(r fold.Reader, k fold.Key) (events.Conversation, bool) {
	i, ok := load(r, k)
	if !ok || !i.in {
		return events.Conversation{}, false
	}
	return i.view(r, i.summary(r)), true
}

// summary is the conversation's, made anew.
func (i item) summary(r fold.Reader) *fold.Summary {
	s := fold.Summarize(r, i.key, i.row, i.log)
	return &s
}

// view is what the user is shown of a conversation of the list.
func (i item) view(r fold.Reader, s *fold.Summary) events.Conversation {
	c := i.row
	v := events.Conversation{
		Conversation: i.key.String(),
		Unread:       s.Unread,
		Mentions:     s.Mentions,
		MarkedUnread: c.Marked,
		Muted:        c.Level == events.LevelNone,
		Level:        c.Level.String(),
		Labels:       c.Labels,
		ReadUpto:     i.idAt(r, i.row.Read.Pos),
		Threads:      s.Apart,
		Version:      s.Version,
	}
	if c.ReadSet {
		v.ReadAt = c.ReadAt
	}
	if last := &i.log.Last; last.Pos > c.Floor(i.log).Pos {
		v.LastMessage = &events.LastMessage{ID: last.ID, From: last.From, At: last.At, Revoked: last.Revoked}
	}
	if s.Unread > 0 {
		if first := i.tally(r).First(); first > 0 {
			v.FirstUnread = i.messageAt(r, first).ID
		}
	}
	return v
}

// idAt is the id of the message at a position; "" before the first.
func (i item) idAt(r fold.Reader, pos fold.Pos) string {
	switch pos {
	case 0:
		return ""
	case i.log.Last.Pos:
		return i.log.Last.ID
	}
	return r.Message(i.key.LogKey(), pos).ID
}

// tally counts what is unread.
func (i item) tally(r fold.Reader) *fold.Tally {
	t := fold.TallyOf(r, i.key, i.row, i.log)
	return &t
}

// messageAt finds the message with a counted ordinal. Ordinals grow with positions, at
// most as fast: so one after the read position is at least as far beyond it as its
// ordinal, and from there on its page is found by halving.
func (i item) messageAt(r fold.Reader, o fold.Ord) fold.Message {
	lk := i.key.LogKey()
	first := fold.Pos(o)
	if o > i.row.Read.Ord {
		first = i.row.Read.Pos + fold.Pos(o-i.row.Read.Ord)
	}
	lo := (uint64(first) - 1) / fold.PageSize
	hi := (uint64(i.log.Head.Pos) - 1) / fold.PageSize
	// The page is the last one that begins before o. Mostly it is the first.
	if lo < hi && r.PageBase(lk, lo+1) >= o {
		hi = lo
	}
	for lo < hi {
		if mid := (lo + hi + 1) / 2; r.PageBase(lk, mid) < o {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	start := max(first, fold.Pos(lo*fold.PageSize)+1)
	for pos := start; pos <= fold.Pos(lo+1)*fold.PageSize && pos <= i.log.Head.Pos; pos++ {
		if m := r.Message(lk, pos); m.Counted && m.Ord == o {
			return m
		}
	}
	fold.Break(i.key, "no message has ordinal %d", o)
	return fold.Message{}
}

// Conversations answers a ConversationsRequest with one page of the list. The
// cursor is the place in the order by activity: a conversation that gets a
// message between two pages moves to the top, and neither repeats nor hides
// another.
//
// The first page, which is asked for most, is found in one pass over the list, as is one of a
// list that changes meanwhile. Who reads on else finds the place in the whole order, which is
// kept while nothing in it changes.
func Conversations(r fold.Reader, user string, q events.ConversationsRequest) (events.ConversationsReply, error) {
	reply := events.ConversationsReply{User: user, Conversations: []events.Conversation{}}
	after, err := parseCursor(q.After)
	if err != nil {
		return reply, err
	}
	f := q.Filter()
	wanted := func(e *entry) bool { return e.matches(&f) && (!q.UnreadOnly || e.row.Marked || e.Unread > 0) }
	var entries []entry
	var o *order
	if q.After != "" {
		o = orderOf(r, user)
	}
	if o != nil {
		reply.Version, reply.Totals = o.version, o.totals
		entries = o.behind(after, q.Most()+1, wanted)
	} else {
		top := page{most: q.Most() + 1}
		reply.Version, _ = each(r, user, func(e *entry) {
			if e.addTo(&reply.Totals, &events.Filter{}); wanted(e) && (q.After == "" || e.behind(after)) {
				top.add(e)
			}
		})
		entries = top.sorted()
	}
	if len(entries) > q.Most() {
		entries = entries[:q.Most()]
		reply.Next = entries[q.Most()-1].place().cursor()
	}
	for i := range entries {
		reply.Conversations = append(reply.Conversations, entries[i].view(r))
	}
	return reply, nil
}

// place is where a conversation stands in the list: newest activity first,
// then by name.
type place struct {
	activity events.Seq
	name     string
}

func (e *entry) place() place { return place{e.Activity, e.key.String()} }

func byPlace(a, b entry) int {
	return cmp.Or(cmp.Compare(b.Activity, a.Activity), strings.Compare(a.key.Kind.String(), b.key.Kind.String()), strings.Compare(a.key.ID, b.key.ID))
}

// behind reports whether a conversation stands behind a place.
func (e *entry) behind(p place) bool {
	// Names are made where they decide only.
	if e.Activity != p.activity {
		return e.Activity < p.activity
	}
	return comparePlaces(e.place(), p) > 0
}

func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(b.activity, a.activity), strings.Compare(a.name, b.name))
}

func (p place) cursor() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s", p.activity, p.name))
}

func parseCursor(s string) (p place, err error) {
	if s == "" {
		return p, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return p, events.ErrCursor
	}
	activity, name, ok := strings.Cut(string(b), " ")
	if !ok {
		return p, events.ErrCursor
	}
	n, err := strconv.ParseUint(activity, 10, 64)
	if err != nil {
		return p, events.ErrCursor
	}
	p.activity, p.name = events.Seq(n), name
	return p, nil
}

// Version is the version of everything a user is shown.
func Version(r fold.Reader, user string) events.Seq {
	return max(unlisted(r, user), r.Latest(user))
}

// unlisted is the version of what a user is shown of no conversation that there is: of
// what is gone, and of the filters.
func unlisted(r fold.Reader, user string) events.Seq {
	return max(r.Lost(user), r.Settings(user).Filtered)
}

// Receipt says how far a peer has read a user's messages, in the conversation or in one
// timeline of it; false if the peer has sent no receipt of that. Without a thread it is the
// newer one of those of the conversation and of its main timeline, which are told alike.
func Receipt(r fold.Reader, user, peer string, thread *string) (events.Receipt, bool) {
	receipt, sent := newestReceipt(r, user, peer, thread)
	return receipt, sent != nil
}

// SentReceipt is what a user is notified of that Receipt says: not of a receipt that was
// imported.
func SentReceipt(r fold.Reader, user, peer string, thread *string) (events.Receipt, bool) {
	receipt, sent := newestReceipt(r, user, peer, thread)
	return receipt, sent != nil && !sent.Imported
}

func newestReceipt(r fold.Reader, user, peer string, thread *string) (events.Receipt, *fold.Receipt) {
	receipt, sent := lastReceipt(r, user, peer, thread)
	if thread == nil {
		if main, of := lastReceipt(r, user, peer, new("")); of != nil && (sent == nil || of.Seq > sent.Seq) {
			receipt, sent = main, of
		}
	}
	return receipt, sent
}

func lastReceipt(r fold.Reader, user, peer string, thread *string) (events.Receipt, *fold.Receipt) {
	k := fold.Key{User: peer, ConversationID: events.ConversationID{Kind: events.C2C, ID: user}}
	c := r.Conversation(k)
	if c == nil {
		return events.Receipt{}, nil
	}
	sent, of := c.Receipt, ""
	if thread != nil {
		sent, of = nil, *thread
		if c.Timelines > 0 {
			if t := r.Timeline(k, of); t != nil {
				sent = t.Receipt
			}
		}
	}
	if sent == nil {
		return events.Receipt{}, nil
	}
	return events.Receipt{
		User: user, Peer: peer, Upto: sent.Upto, At: sent.At, Version: sent.Seq, Thread: of,
		Conversation: events.ConversationID{Kind: events.C2C, ID: peer}.String(),
	}, sent
}

// Listed reports whether a conversation is in its user's list.
func Listed(r fold.Reader, k fold.Key) bool {
	i, ok := load(r, k)
	return ok && i.in
}

// Returned reports of a conversation that has left its user's list whether it is in the
// list again, and threads that were followed there before may be so no more, by a command
// after a seq (rule thread-list).
func Returned(r fold.Reader, k fold.Key, since events.Seq) bool {
	i, ok := load(r, k)
	return ok && i.in && i.row.Unfollows(k) > since
}
