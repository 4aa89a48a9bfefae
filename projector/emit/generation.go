package emit

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/view"
	"reddot/projector/yield"
)

// generation sends what the commands in (since, upto] changed, as the rows
// stand at upto.
type generation struct {
	emitter *Emitter
	writer  *writer
	marks   *Marks
	since   events.Seq
	upto    stamp
	told    *told // what an unfinished generation before had stored; nil: nothing

	header   nats.Header     // that all messages have
	held     *nats.Msg       // the newest message: the last one says more than the others
	watching map[string]bool // users, and whether they have been told of all large groups
	watchers []string        // the same users, sorted; nil until they are asked for
}

func (g *generation) run(ctx context.Context, snap *store.Snapshot) error {
	begin := g.writer.next // the event stream's sequence of the first message
	if g.told != nil {     // it goes on with what was unfinished
		begin = g.told.begin
	}
	g.header = nats.Header{
		headerContentType: {g.emitter.cfg.Encoding.ContentType()},
		headerWriter:      {g.writer.id},
		headerApplied:     {format(g.since)},
		headerAt:          {format(g.upto.seq)},
		headerSum:         {strconv.FormatUint(snap.Position().Last, 10)},
		headerBegin:       {strconv.FormatUint(begin, 10)},
	}
	g.watching = g.emitter.watchers.watching(time.Now())
	err := g.rejections(ctx, snap)
	if err == nil {
		err = snap.Read(func(r fold.Reader) error { return g.receipts(ctx, r) })
	}
	if err == nil {
		err = g.changes(ctx, snap)
	}
	if err != nil {
		return err
	}
	if g.held == nil {
		g.writer.complete(g.upto.seq)
		return g.writer.poll(ctx)
	}
	g.held.Header.Set(headerApplied, format(g.upto.seq))
	return g.writer.send(ctx, g.held, g.upto.seq)
}

func format(seq events.Seq) string { return strconv.FormatUint(uint64(seq), 10) }

// put sends the message held back and holds the next one.
func (g *generation) put(ctx context.Context, subject string, event any, more bool) error {
	data, err := events.Marshal(g.emitter.cfg.Encoding, event)
	if err != nil {
		return err
	}
	msg := nats.NewMsg(g.emitter.cfg.Subjects.Prefix() + "-out." + strconv.Itoa(g.emitter.cfg.Partition) + "." + subject)
	msg.Data = data
	maps.Copy(msg.Header, g.header)
	if more {
		msg.Header.Set(headerMore, "1")
	}
	if g.held != nil {
		if err := g.writer.send(ctx, g.held, 0); err != nil {
			return err
		}
	}
	g.held = msg
	return nil
}

func (g *generation) rejections(ctx context.Context, snap *store.Snapshot) error {
	if !g.marks.rejected {
		return nil
	}
	return snap.Outbox(g.since, func(o store.Out) error {
		if o.Rejected == nil || o.Seq > g.upto.seq || g.told.rejected(o.Seq) {
			return nil
		}
		r := *o.Rejected
		r.Subject = strings.ToValidUTF8(r.Subject, "\uFFFD")
		g.emitter.figures.Rejected.Add(1)
		return g.put(ctx, "rejected", r, false)
	})
}

func (g *generation) receipts(ctx context.Context, r fold.Reader) error {
	for i, k := range g.marks.receipts.sorted(func(a, b fold.Key) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.User, b.User))
	}) {
		g.giveWay(i)
		receipt, ok := view.Receipt(r, k.ID, k.User)
		if !ok || g.told.receipt(receipt) {
			continue
		}
		g.emitter.figures.Receipts.Add(1)
		if err := g.put(ctx, "evt."+events.EscapeToken(k.ID)+".receipt", receipt, false); err != nil {
			return err
		}
	}
	return nil
}

// manyUsers is from how many users on their lists are read from the store one
// after the other, and not kept in its caches.
const manyUsers = 512

// giveWay is called with each of many users or receipts. After some of them, it
// lets others have the processor, and rests if the fold has much to do.
func (g *generation) giveWay(i int) {
	const every = 32
	if i%every == every-1 {
		yield.Turn(g.emitter.behind(g.upto.seq))
	}
}

// changes sends the changes of the users whom commands name and of the members
// of touched groups, by name: for each message that the event stream
// republishes, the server looks up the last one of the same subject, and so
// finds those of one generation after another side by side in the stream's
// files.
func (g *generation) changes(ctx context.Context, snap *store.Snapshot) error {
	users, err := g.touched(snap)
	if err != nil {
		return err
	}
	if len(users) > manyUsers {
		snap.Many()
	}
	return snap.Read(func(r fold.Reader) error {
		for i, user := range slices.Sorted(maps.Keys(users)) {
			if err := g.change(ctx, r, user); err != nil {
				return err
			}
			g.giveWay(i)
		}
		return nil
	})
}

// touched are the users who may have to be told of a change.
func (g *generation) touched(snap *store.Snapshot) (map[string]bool, error) {
	if err := g.marks.spread(snap, g.since); err != nil {
		return nil, err
	}
	users := make(map[string]bool, g.marks.users.len())
	for user := range g.marks.users.all() {
		users[user] = true
	}
	for group := range g.marks.groups.all() {
		members, err := g.audience(snap, group)
		if err != nil {
			return nil, err
		}
		err = snap.Read(func(r fold.Reader) error {
			log := r.Group(group)
			for _, user := range members {
				if users[user] {
					continue
				}
				if log != nil && log.Version <= g.since { // a revoke, which most have read or sent
					c := r.Conversation(fold.Key{User: user, ConversationID: fold.GroupKey(group).ConversationID})
					if c == nil || c.ViewVersion(user, log) <= g.since {
						continue
					}
				}
				users[user] = true
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return users, nil
}

// audience lists who is told of a group's messages: its members, or of a large
// group those who watch.
func (g *generation) audience(snap *store.Snapshot, group string) (users []string, err error) {
	large := false
	err = snap.Read(func(r fold.Reader) error {
		log := r.Group(group)
		large = log != nil && g.large(log)
		return nil
	})
	if err != nil || !large {
		users, err = snap.Members(group)
		return users, err
	}
	if g.watchers == nil {
		g.watchers = slices.Sorted(maps.Keys(g.watching))
	}
	return g.watchers, nil
}

func (g *generation) large(log *fold.Log) bool { return log.Members > g.emitter.cfg.FanoutLimit }

// change sends one user's change event, or several if many conversations
// changed: those with a version after the last generation's, and those that
// belong to the totals without the user having been told of every message,
// since the group is or was large, so that the list adds up to them (rule
// total).
func (g *generation) change(ctx context.Context, r fold.Reader, user string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	mark := g.marks.users.get(user)
	at, named := mark.stamp, &mark.conversations
	for c := range named.all() {
		if c.Kind == events.Group {
			at = later(at, g.marks.groups.get(c.ID))
		}
	}
	since := max(g.since, g.told.change(user))
	told, watching := g.watching[user]
	shows := named.len() > 0 // else what changed is not in the user's list (rule quiet)
	c := view.Change(r, user, func(k fold.Key, c *fold.Conversation, log *fold.Log) bool {
		changed := c.ViewVersion(user, log) > since
		if shows = shows || changed; changed && k.Kind == events.Group {
			at = later(at, g.marks.groups.get(k.ID))
		}
		return changed || log.Peak > g.emitter.cfg.FanoutLimit && !told
	})
	if c.Version <= since || !shows {
		return nil
	}
	if watching {
		g.emitter.watchers.told(user)
	}
	c.At = at.at
	for id := range named.all() {
		if k := (fold.Key{User: user, ConversationID: id}); !view.Listed(r, k) {
			c.Removed = append(c.Removed, k.String())
		}
	}
	subject := "evt." + events.EscapeToken(user) + ".change"
	all, removed := c.Conversations, c.Removed
	for more := true; more; {
		n := fitting(all)
		m := min(len(removed), events.MaxChangeConversations-n)
		c.Conversations, all = all[:n], all[n:]
		c.Removed, removed = removed[:m], removed[m:]
		more = len(all)+len(removed) > 0
		g.emitter.figures.Changes.Add(1)
		if err := g.put(ctx, subject, c, more); err != nil {
			return err
		}
	}
	return nil
}

// maxText bounds the ids in one event, in bytes, so that even written as JSON
// with six bytes for each it fits into a message of 1 MiB, the server's limit.
const maxText = 128 << 10

// fitting is how many of a list's conversations fit into one event.
func fitting(list []events.Conversation) int {
	text := 0
	for i, c := range list[:min(len(list), events.MaxChangeConversations)] {
		text += len(c.Conversation) + len(c.FirstUnread) + len(c.ReadUpto)
		if c.LastMessage != nil {
			text += len(c.LastMessage.ID) + len(c.LastMessage.From)
		}
		if text > maxText {
			return i
		}
	}
	return min(len(list), events.MaxChangeConversations)
}
