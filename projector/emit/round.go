package emit

import (
	"context"
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

// rounds emits what is in the backlog, round by round.
type rounds struct {
	*backlog
	emitter *Emitter
	writer  *journal.Writer
	readers *readers

	upto   dirty.Stamp // of the newest round
	header nats.Header
	held   held       // the newest message: what is done after it may still be said by it
	shown  events.Seq // all that is known to be emitted
	owed   events.Seq // the last command that changed something: an emitter that stands by waits until the stream says that it is emitted
	sent   time.Time  // when the newest message was
	lags   time.Time  // since when the newest message in the stream does not say all that is emitted; zero: it does, or more is on its way
	kept   int        // see backlog.forget
	turns  int        // see giveWay
	turned time.Time  // when others had the last one
	now    time.Time
	holds  bool // only refusals are emitted: see hold

	// The headers that say what is emitted, as most messages have the same.
	applies, begins []string
	says            struct {
		applied events.Seq
		begin   uint64
	}
}

// due reports whether a round has something to do.
func (g *rounds) due(upto dirty.Stamp, m *dirty.Set) bool {
	bulk := g.mayBulk()
	return upto.Seq > g.newest().upto.Seq || !m.Empty() || g.waits(bulk) ||
		bulk && g.asideReady(upto.Seq) ||
		g.long.len() > 0 && len(g.readers.jobs) < g.emitter.cfg.Bounds.Aside
}

// run takes a dirty set over and emits a part of the backlog, as the rows stand.
func (g *rounds) run(ctx context.Context, m *dirty.Set, upto dirty.Stamp, snap *store.Snapshot) error {
	r := g.newest()
	after := r.upto.Seq
	switch {
	case upto.Seq <= after && m.Empty():
	case g.holds && r.open > 0: // however long it takes, there are not more rounds
		r.upto = upto
	default:
		r = g.begin(upto, g.writer.Next())
	}
	g.upto, g.now, g.owed = upto, time.Now(), max(g.owed, m.Last)
	g.turned = g.now
	g.header = nats.Header{
		events.HeaderContentType: {g.emitter.cfg.Encoding.ContentType()},
		journal.HeaderWriter:     {g.emitter.cfg.ID},
		journal.HeaderAt:         {format(upto.Seq)},
		journal.HeaderSum:        {strconv.FormatUint(snap.Position().Last, 10)},
	}
	if err := g.adopt(r, after, m, snap); err != nil {
		return err
	}
	parts := []func(context.Context, *store.Snapshot) error{g.refuse, g.promptly, g.inBulk, g.aside}
	if g.holds {
		parts = parts[:1]
	}
	for _, part := range parts {
		if err := part(ctx, snap); err != nil {
			return err
		}
	}
	return g.end(ctx)
}

// end sends what is held back, and says what is emitted.
func (g *rounds) end(ctx context.Context) error {
	if err := g.release(ctx); err != nil {
		return err
	}
	g.progress()
	g.kept = g.forget(g.kept)
	return g.writer.Poll(ctx)
}

func format(seq events.Seq) string { return strconv.FormatUint(uint64(seq), 10) }

// adopt puts a dirty set, of commands after a seq, into the backlog.
func (g *rounds) adopt(r *round, after events.Seq, m *dirty.Set, snap *store.Snapshot) error {
	if m.Refused {
		if g.refusals == nil {
			g.refusals = &refusals{after: after, round: r}
			r.open++
		}
		g.refusals.upto = r.upto.Seq
	}
	for k := range m.Receipts.All() {
		g.receipt(r, k, &g.receipts)
	}
	for k := range m.BulkReceipts.All() {
		g.receipt(r, k, &g.bulkReceipts)
	}
	for a := range m.Authors.All() {
		g.raised(r, a)
	}
	for user, u := range m.Users.All() {
		l := promptLane
		if u.Bulk {
			l = bulkLane
		}
		d := g.add(r, user, u.Stamp, l)
		for c := range u.Left.All() {
			d.left.At(c)
		}
	}
	for _, n := range m.Bulks {
		g.addLot(r, n, false)
	}
	for _, w := range m.Begun {
		g.begun(r, w)
	}
	for _, t := range m.Swept {
		g.swept(t)
	}
	g.bound()
	for t, s := range m.Threads.All() {
		if err := g.apart(r, t, *s, snap); err != nil {
			return err
		}
	}
	for group, s := range m.Groups.All() {
		if err := g.message(r, group, *s, snap); err != nil {
			return err
		}
	}
	return nil
}

// message has those notified who are to hear of a group's messages: its members, or
// of a large group those who watch.
func (g *rounds) message(r *round, group string, s dirty.Stamp, snap *store.Snapshot) error {
	var log *fold.Log
	err := snap.Read(func(rows fold.Reader) error {
		log = rows.Group(group)
		return nil
	})
	if err != nil || log == nil {
		return err
	}
	var users []string
	watching := log.Members > g.emitter.cfg.FanoutLimit
	if watching {
		users = g.emitter.watchers.of(group, g.now)
	} else if users, err = snap.Members(group); err != nil {
		return err
	}
	if len(users) >= g.emitter.cfg.Bounds.Many {
		g.addLot(r, dirty.Bulk{Stamp: s, Group: group, Users: users}, true)
		return nil
	}
	return snap.Read(func(rows fold.Reader) error {
		for _, user := range users {
			if watching && rows.Conversation(fold.MemberKey(group, user)) == nil {
				continue // has left, and watches still
			}
			if concerns(rows, log, fold.MemberKey(group, user), r.since) {
				g.add(r, user, s, promptLane)
			}
		}
		return nil
	})
}

// apart has those notified who are to hear of what counts apart in a thread (rule
// apart): who follows it, or, if they are many, those of them who watch.
func (g *rounds) apart(r *round, t fold.ThreadKey, s dirty.Stamp, snap *store.Snapshot) error {
	users, err := snap.Followers(t)
	if err != nil {
		return err
	}
	if uint64(len(users)) > g.emitter.cfg.FanoutLimit {
		watching := g.emitter.watchers.of(t.Group, g.now)
		users = slices.DeleteFunc(users, func(user string) bool {
			_, found := slices.BinarySearch(watching, user)
			return !found
		})
	}
	if len(users) >= g.emitter.cfg.Bounds.Many {
		g.addLot(r, dirty.Bulk{Stamp: s, Group: t.Group, Users: users}, false)
		return nil
	}
	for _, user := range users {
		g.add(r, user, s, promptLane)
	}
	return nil
}

// concerns reports whether what happened in a group since a seq shows to a user, or
// showed to one who is not a member any more. A message shows to all, and no row of theirs
// is read. A recall shows to few: most have read the message, or sent it.
func concerns(rows fold.Reader, log *fold.Log, k fold.Key, since events.Seq) bool {
	if log == nil || log.Version > since {
		return true
	}
	c := rows.Conversation(k)
	return c == nil || c.ViewVersion(rows, k, log) > since || log.OfThreads().Version > since && view.ThreadsChanged(rows, k, since)
}

// manyUsers is from how many users on their lists are read from the store one
// after the other, and not kept in its caches.
const manyUsers = 512

// promptly notifies those whom others do not have wait.
func (g *rounds) promptly(ctx context.Context, snap *store.Snapshot) error {
	room := g.emitter.cfg.Bounds.Prompt
	half := (room + 1) / 2
	if err := g.sendReceipts(ctx, snap, &g.receipts, &half); err != nil {
		return err
	}
	if err := g.notifyAuthors(ctx, snap, &half); err != nil {
		return err
	}
	if g.prompt.len() > manyUsers {
		snap.Many()
	}
	return g.notifyNext(ctx, snap, &g.prompt, &room)
}

// inBulk notifies some of those whom commands that touch many have touched.
func (g *rounds) inBulk(ctx context.Context, snap *store.Snapshot) error {
	users := g.bulk.len()
	for _, l := range g.lots {
		if users += len(l.Users) - l.next; l.more {
			users += manyUsers
		}
	}
	if users > manyUsers {
		snap.Many()
	}
	room := g.emitter.cfg.Bounds.Bulk
	for _, part := range []func(*int) error{
		func(part *int) error {
			if !g.mayBulk() {
				return nil
			}
			return g.sendReceipts(ctx, snap, &g.bulkReceipts, part)
		},
		func(part *int) error { return g.notifyNext(ctx, snap, &g.bulk, part) },
	} {
		share := (room + 1) / 2
		room -= share
		if err := part(&share); err != nil {
			return err
		}
		room += max(share, 0)
	}
	for room > 0 && len(g.lots) > 0 && g.mayBulk() { // in turn, each some
		l := g.lots[0]
		share := min(room, max(g.emitter.cfg.Bounds.Bulk/4, 1))
		room -= share
		if err := g.notifyLot(ctx, snap, l, &share); err != nil {
			return err
		}
		room += share
		if g.lots = g.lots[1:]; !l.done() {
			g.lots = append(g.lots, l)
		} else {
			g.lotDone(l)
		}
	}
	return nil
}

// mayBulk reports whether little enough is on its way: what is emitted promptly should
// not stand behind much that isn't.
func (g *rounds) mayBulk() bool { return g.writer.Pending() <= g.emitter.cfg.Window/4 }
