package emit

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/dirty"
	"reddot/projector/emit/journal"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/view"
)

// look is a look at what a user may have to be told.
type look struct {
	user string
	dirty.Stamp
	since  events.Seq // the user has been told all up to here
	left   dirty.Conversations
	limit  uint64             // the fan-out limit
	all    bool               // the user is to be told of all large groups
	stamps map[string]stamped // of groups
}

// change is what a user is to be told: those conversations with a version after
// the last one that the user was told, and those that belong to the totals without
// the user having been told of every message, since the group is or was large, so
// that the list adds up to them (rule total).
type change struct {
	events.Change
	shows   bool // else what changed is not in the user's list (rule quiet)
	rest    view.Changed
	list    []events.Conversation // next to be sent
	removed []string
}

// take looks at the rows.
func (l *look) take(r fold.Reader) *change {
	at, shows := l.Stamp, false
	changed := view.Change(r, l.user, func(k fold.Key, c *fold.Conversation, log *fold.Log) bool {
		changed := c.ViewVersion(l.user, log) > l.since
		if shows = shows || changed; changed && k.Kind == events.Group {
			at = dirty.Later(at, l.stamps[k.ID].Stamp)
		}
		return changed || log.Peak > l.limit && l.all
	})
	c := &change{shows: shows, rest: changed, list: []events.Conversation{}}
	c.User, c.Version, c.Totals, c.At = l.user, changed.Version, changed.Totals, at.At
	return c
}

// remove adds the names of conversations that have left the list, and returns the
// others.
func (c *change) remove(r fold.Reader, left *dirty.Conversations) (listed dirty.Conversations) {
	for id := range left.All() {
		if k := (fold.Key{User: c.User, ConversationID: id}); view.Listed(r, k) {
			listed.At(id)
		} else {
			c.removed = append(c.removed, k.String())
		}
	}
	return listed
}

// news says whether the user was not told all of it by a seq.
func (c *change) news(since events.Seq) bool {
	return c.Version > since && (c.shows || len(c.removed) > 0)
}

// ended adds what has left the list and is not swept yet.
func (l *look) ended(snap *store.Snapshot) error {
	all, err := snap.Ended(l.user, l.since)
	for _, t := range all {
		l.left.At(t.ConversationID)
		l.Stamp = dirty.Later(l.Stamp, dirty.Stamp{Seq: t.Seq, At: t.At})
	}
	return err
}

// tell tells one user, who waits or is the next of a lot.
func (g *rounds) tell(ctx context.Context, snap *store.Snapshot, user string, l *lot, room *int) error {
	g.giveWay()
	if err := ctx.Err(); err != nil {
		return err
	}
	d := g.users[user]
	if g.flights[user] != nil && (d == nil || d.lane < longLane || d.lane == flying) {
		*room--
		g.wait(user, l)
		return nil
	}
	q := look{user: user, since: g.backlog.since(user), limit: g.emitter.cfg.FanoutLimit, stamps: g.stamps}
	long := g.readers.long[user] || d != nil && d.lane >= longLane || snap.Sweeps().ErasedAt(user) > q.since
	r := g.newest()
	if d != nil {
		q.Stamp, q.left, r = d.Stamp, d.left, d.round
	}
	if l != nil {
		q.Stamp = dirty.Later(q.Stamp, l.Stamp)
		if l.Left {
			q.left.At(events.ConversationID{Kind: events.Group, ID: l.Group})
		}
		if r.since > l.round.since {
			r = l.round
		}
	}
	var err error
	if !long {
		g.merge(user, &q.Stamp, &q.left)
		if err = q.ended(snap); err == nil {
			err = snap.Read(func(rows fold.Reader) error { return g.send(ctx, rows, &q, room) })
		}
		if long = errors.Is(err, store.ErrLongList); long {
			*room -= g.emitter.cfg.Bounds.Long // so many rows were read to find out
			g.readers.know(user)
		}
	}
	switch {
	case long:
		g.mark(r, user, q.Stamp, longLane).left = q.left
		return nil
	case err == nil:
		g.backlog.tell(user, g.upto.Seq)
	}
	return err
}

// send sends a user's change event, or several if many conversations changed.
func (g *rounds) send(ctx context.Context, rows fold.Reader, q *look, room *int) error {
	w := g.emitter.watchers.state(q.user, g.now)
	q.all = !w.told
	c := q.take(rows)
	*room -= 8 + c.rest.Rows // the rest costs about as much as 8
	g.looked(c)
	c.remove(rows, &q.left)
	if !c.news(q.since) {
		return nil
	}
	g.emitter.watchers.told(w)
	f := g.takeOff(q.user)
	for more := true; more; {
		var err error
		if more, err = g.part(ctx, rows, c, f, g.upto.Seq); err != nil {
			return err
		}
	}
	return nil
}

// looked counts a look.
func (g *rounds) looked(c *change) {
	g.emitter.figures.looks.Add(1)
	g.emitter.figures.rows.Add(uint64(c.rest.Rows))
}

// part sends the next part of a change, which shows the state at a seq.
func (g *rounds) part(ctx context.Context, rows fold.Reader, c *change, f *flight, at events.Seq) (more bool, err error) {
	if taken := c.rest.Take(rows, events.MaxChangeConversations-len(c.list)); len(c.list) == 0 && taken != nil {
		c.list = taken
	} else {
		c.list = append(c.list, taken...)
	}
	n := len(c.list)
	m := min(len(c.removed), events.MaxChangeConversations-n)
	var data []byte
	for {
		c.Conversations, c.Removed = c.list[:n], c.removed[:m]
		if data, err = events.Marshal(g.emitter.cfg.Encoding, &c.Change); err != nil {
			return false, err
		}
		room := g.emitter.room()
		if len(data) <= room || n+m <= 1 {
			break
		}
		fits := max(1, min(n+m-1, (n+m)*room/len(data)))
		n = min(n, fits)
		m = fits - n
	}
	c.list, c.removed = slices.Clone(c.list[n:]), c.removed[m:]
	more = len(c.list)+len(c.removed)+c.rest.Len() > 0
	g.emitter.figures.changes.Add(1)
	header := nats.Header{}
	f.part(more)
	if more {
		header.Set(events.HeaderMore, "1")
	}
	if more || f.parts > 1 {
		header.Set(journal.HeaderPart, strconv.Itoa(f.parts))
	}
	if at != g.upto.Seq {
		header.Set(journal.HeaderShows, format(at))
	}
	return more, g.put(ctx, "evt."+events.EscapeToken(c.User)+".change", data, header, f)
}

// held is a message that is not sent yet.
type held struct {
	msg    *nats.Msg // nil: there is none
	parcel parcel
}

// put sends the message held back and holds the next one.
func (g *rounds) put(ctx context.Context, subject string, data []byte, header nats.Header, p parcel) error {
	if err := g.release(ctx); err != nil {
		return err
	}
	msg := nats.NewMsg(g.emitter.cfg.Subjects.Prefix() + "-out." + strconv.Itoa(g.emitter.cfg.Partition) + "." + subject)
	msg.Data = data
	for _, h := range []nats.Header{g.header, header} {
		for name, value := range h {
			msg.Header[name] = value
		}
	}
	g.held = held{msg, p}
	return nil
}

// release sends the message held back. It says what is told: all that is stored,
// and with it what this one tells if nothing else is left.
func (g *rounds) release(ctx context.Context) error {
	h := g.held
	if h.msg == nil {
		return nil
	}
	g.held = held{}
	var own *round
	if h.parcel != nil {
		own = h.parcel.last()
	}
	applied, begin := g.appliedBut(own)
	if g.applies == nil || applied != g.says.applied || begin != g.says.begin {
		g.says.applied, g.says.begin = applied, begin
		g.applies, g.begins = []string{format(applied)}, []string{strconv.FormatUint(begin, 10)}
	}
	h.msg.Header[journal.HeaderApplied], h.msg.Header[journal.HeaderBegin] = g.applies, g.begins
	g.lags = time.Time{}
	return g.writer.Send(ctx, h.msg, h.parcel)
}
