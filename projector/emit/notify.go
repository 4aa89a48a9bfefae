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
	"reddot/projector/yield"
)

// notify notifies one user, who waits or is the next of a lot.
func (g *rounds) notify(ctx context.Context, snap *store.Snapshot, user string, l *lot, room *int) error {
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
		g.add(r, user, q.Stamp, longLane).left = q.left
		return nil
	case err == nil:
		g.backlog.done(user, g.upto.Seq)
	}
	return err
}

// send sends a user's change event, or several if many conversations changed.
func (g *rounds) send(ctx context.Context, rows fold.Reader, q *look, room *int) error {
	w := g.emitter.watchers.state(q.user, g.now)
	q.all = !w.shown
	c := q.take(rows)
	*room -= 8 + c.rest.Rows // the rest costs about as much as 8
	g.looked(c)
	c.comeBack(rows, &q.left, q.since)
	c.remove(rows, &q.left)
	if !c.news(q.since) {
		return nil
	}
	g.emitter.watchers.shown(w)
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
	n, m, q := 0, min(c.returned, events.MaxChangeConversations), 0
	if c.returned == 0 {
		c.fill(rows)
		n, q = len(c.list), len(c.threads)
		m = min(len(c.removed), events.MaxChangeConversations-n)
	}
	var data []byte
	for {
		c.Conversations, c.Removed, c.Threads = c.list[:n], c.removed[:m], c.threads[:q]
		if data, err = events.Marshal(g.emitter.cfg.Encoding, &c.Change); err != nil {
			return false, err
		}
		room := g.emitter.room()
		all := n + m + q
		if len(data) <= room || all <= 1 {
			break
		}
		fits := max(1, min(all-1, all*room/len(data)))
		n = min(n, fits)
		m = min(m, fits-n)
		q = fits - n - m
	}
	c.list, c.removed, c.threads = slices.Clone(c.list[n:]), c.removed[m:], c.threads[q:]
	c.returned = max(0, c.returned-m)
	more = len(c.list)+len(c.removed)+len(c.threads)+c.rest.Len() > 0
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

// fill takes what the next part has room for.
func (c *change) fill(rows fold.Reader) {
	if taken := c.rest.Take(rows, events.MaxChangeConversations-len(c.list)); len(c.list) == 0 && taken != nil {
		c.list = taken
	} else {
		c.list = append(c.list, taken...)
	}
	c.threads = append(c.threads, c.rest.TakeThreads(rows, events.MaxChangeThreads-len(c.threads))...)
}

// farBehind is how many commands the emission is behind when it is not waited for any more:
// some seconds of them.
const farBehind = 32 * yield.Behind

// giveWay is called with each of many users or receipts. After some of them, it
// lets others have the processor, and rests if the fold has much to do. While there is
// something to fold and the emission is far behind, it comes last: what the fold changes
// merges, so the sooner that is done the less is there to be emitted.
func (g *rounds) giveWay() {
	const every = 32
	if g.turns++; g.turns%every != 0 {
		return
	}
	if g.emitter.cfg.Folding() && g.emitter.behind(g.applied(), farBehind) {
		yield.Last(time.Since(g.turned))
	} else {
		yield.Turn(g.emitter.behind(g.upto.Seq, yield.Behind))
	}
	g.turned = time.Now()
}

// notifyNext notifies users of a lane for as long as there is room.
func (g *rounds) notifyNext(ctx context.Context, snap *store.Snapshot, q *queue, room *int) error {
	for *room > 0 && (q.lane == promptLane || g.mayBulk()) {
		d := q.next()
		if d == nil {
			return nil
		}
		if err := g.notify(ctx, snap, d.user, nil, room); err != nil {
			return err
		}
	}
	return nil
}

// notifyLot notifies users of a list for as long as there is room.
func (g *rounds) notifyLot(ctx context.Context, snap *store.Snapshot, l *lot, room *int) error {
	for *room > 0 && !l.done() && g.mayBulk() {
		*room--
		if err := l.read(snap); err != nil {
			return err
		}
		if l.next == len(l.Users) {
			continue
		}
		user := l.Users[l.next]
		l.next++
		if g.notified[user] >= l.Seq {
			continue
		}
		if l.message {
			shows := false
			if err := snap.Read(func(rows fold.Reader) error {
				shows = concerns(rows, rows.Group(l.Group), fold.MemberKey(l.Group, user), max(l.round.since, g.notified[user]))
				return nil
			}); err != nil {
				return err
			}
			if !shows {
				continue
			}
		}
		if err := g.notify(ctx, snap, user, l, room); err != nil {
			return err
		}
	}
	return nil
}
