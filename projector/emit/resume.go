package emit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/dirty"
	"reddot/projector/emit/journal"
	"reddot/projector/fold"
	"reddot/projector/store"
)

// inherited is what an emitter before had stored beyond what it said to be emitted.
type inherited struct {
	at       events.Seq            // the newest applied seq that it showed
	begin    uint64                // the event stream's sequence from which on it lies
	changes  map[string]events.Seq // version by user
	receipts map[string]events.Seq // version by user and peer
	authors  map[string]events.Seq // version by user and group
	refusals map[events.Seq]bool
	parts    map[string]*parts // of changes in several parts, by user; of group receipts by user and group
}

// parts are those of a change by one emitter that were seen.
type parts struct {
	version events.Seq
	writer  string
	seen    map[int]bool
	of      int // how many there are; 0 as long as the last one is not seen
}

func (t *inherited) receipt(r events.Receipt) bool {
	return t != nil && t.receipts[r.User+"\x00"+r.Peer+"\x00"+r.Thread] >= r.Version
}

// author reports whether it was emitted who has read the messages of a user in a
// group.
func (t *inherited) author(r *events.GroupReceipts) bool {
	return t != nil && t.authors[r.User+"\x00"+r.Group] >= r.Version
}

func (t *inherited) rejected(seq events.Seq) bool { return t != nil && t.refusals[seq] }

// seed finds out where the events end and enters what the commands since then
// touched. It returns the seq up to which all events are stored.
func (e *Emitter) seed(ctx context.Context, t journal.Tail) (since events.Seq, before *inherited, err error) {
	since = e.stored(t.Said.Applied)
	shown, err := e.shown(ctx, t)
	if err != nil {
		return 0, nil, err
	}
	upto, err := e.catchUp(ctx, max(since, shown))
	if err != nil {
		return 0, nil, err
	}
	if before, err = e.unfinished(ctx, t); err != nil {
		return 0, nil, err
	}
	m := &dirty.Set{Many: e.cfg.Bounds.Many}
	if err := e.addAgain(ctx, since, upto, m); err != nil {
		return 0, nil, err
	}
	m.Joined = nil
	e.mu.Lock()
	e.dirty.Merge(m)
	e.mu.Unlock()
	return since, before, nil
}

// shown returns the seq whose state listeners may have been shown, so that none
// is shown that is older. If the last event has left the stream, that may be any
// seq of the log.
func (e *Emitter) shown(ctx context.Context, t journal.Tail) (events.Seq, error) {
	if t.Said.Known() || e.cfg.End == nil {
		return t.Said.At, nil
	}
	return e.cfg.End(ctx)
}

// catchUp waits until the store has applied a seq, and keeps the dirty set from here
// on. It returns up to where commands have been applied without being in it.
func (e *Emitter) catchUp(ctx context.Context, seq events.Seq) (events.Seq, error) {
	for {
		e.mu.Lock()
		upto := e.upto.Seq
		if upto >= seq {
			e.seeded = true
			e.mu.Unlock()
			return upto, nil
		}
		e.mu.Unlock()
		select {
		case <-e.wake:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// unfinished reads what the emitter before had stored beyond what it said to be
// emitted, if that was not all.
func (e *Emitter) unfinished(ctx context.Context, t journal.Tail) (*inherited, error) {
	said := t.Said
	if said.Begin == 0 || said.Applied >= said.At {
		return nil, nil
	}
	before := &inherited{changes: map[string]events.Seq{}, receipts: map[string]events.Seq{}, authors: map[string]events.Seq{}, refusals: map[events.Seq]bool{}, parts: map[string]*parts{}, at: said.At, begin: said.Begin}
	if err := e.journal.Read(ctx, said.Begin, t.Place, before.enter); err != nil {
		return nil, fmt.Errorf("read what was emitted last: %w", err)
	}
	return before, nil
}

// enter notes one stored event.
func (t *inherited) enter(msg *nats.Msg) error {
	var event struct {
		User    string     `json:"user" msgpack:"user"`
		Peer    string     `json:"peer" msgpack:"peer"`
		Group   string     `json:"group" msgpack:"group"` // of a group-receipt
		Thread  string     `json:"thread" msgpack:"thread"`
		Version events.Seq `json:"version" msgpack:"version"`
		Seq     events.Seq `json:"seq" msgpack:"seq"`
	}
	h := msg.Header
	if err := events.Unmarshal(h.Get(events.HeaderContentType), msg.Data, &event); err != nil {
		return err
	}
	switch {
	case event.Seq > 0:
		t.refusals[event.Seq] = true
	case event.Peer != "":
		k := event.User + "\x00" + event.Peer + "\x00" + event.Thread
		t.receipts[k] = max(t.receipts[k], event.Version)
	case event.Group != "":
		k := event.User + "\x00" + event.Group
		if h.Get(journal.HeaderPart) == "" || t.part(k, event.Version, h) {
			t.authors[k] = max(t.authors[k], event.Version)
		}
	case h.Get(journal.HeaderPart) == "" && h.Get(events.HeaderMore) != "": // an older reddot's, which stored the last part last
	case h.Get(journal.HeaderPart) == "" || t.part(event.User, event.Version, h):
		t.changes[event.User] = max(t.changes[event.User], event.Version)
	}
	return nil
}

// part notes a part of a change, and says whether it is whole now: parts may have
// been stored in any order. What an emitter has left half emitted, the next one emits
// from the first part on, and may divide otherwise.
func (t *inherited) part(of string, version events.Seq, h nats.Header) (whole bool) {
	p, writer := t.parts[of], h.Get(journal.HeaderWriter)
	if p == nil || p.version != version || p.writer != writer {
		p = &parts{version: version, writer: writer, seen: map[int]bool{}}
		t.parts[of] = p
	}
	no := int(journal.Number(h, journal.HeaderPart))
	p.seen[no] = true
	if h.Get(events.HeaderMore) == "" {
		p.of = no
	}
	return len(p.seen) == p.of
}

// addAgain enters what the commands in (since, upto] touched: what they name,
// what the rows say, and what lies in the outbox.
func (e *Emitter) addAgain(ctx context.Context, since, upto events.Seq, m *dirty.Set) (err error) {
	if upto <= since {
		return nil
	}
	start := time.Now()
	snap, err := e.cfg.Store.Snapshot()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	snap.Until(ctx.Err)
	var left dirty.Conversations // of some, who have read in groups before: commands show it no more
	err = snap.Outbox(since, func(o store.Out) error {
		for _, k := range o.Noted {
			left.At(k.ConversationID)
		}
		for _, t := range o.Swept {
			left.At(t.ConversationID)
		}
		m.Refused = m.Refused || o.Rejected != nil
		m.Add(o.Seq, o.At, o.Effects())
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	for _, w := range snap.Sweeps().All() {
		if w.Seq > since && w.Seq <= upto {
			m.Begun = append(m.Begun, w)
			if err := unswept(snap, w, &left); err != nil {
				return err
			}
		}
	}
	var touch fold.Touch
	err = snap.Read(func(r fold.Reader) error {
		for c := range left.All() {
			if c.Kind == events.Group {
				m.AddRaised(r, c.ID, since)
			}
		}
		return e.cfg.Replay(ctx, since, upto, func(c *store.Entry) error {
			if c.Invalid == "" {
				m.AddAgain(r, c.Seq, c.At(), &c.Command, &touch)
			}
			return nil
		})
	})
	e.cfg.Logger.Info("emitter resumes", "after", since, "applied", upto, "users", m.Users.Len(), "groups", m.Groups.Len(),
		"took", time.Since(start).Round(time.Millisecond))
	return err
}

// unswept adds the conversations that have ended by a sweep's command.
func unswept(snap *store.Snapshot, w *fold.Sweep, left *dirty.Conversations) error {
	for last, more := "", true; more; more = last != "" {
		keys, next, err := snap.Unswept(w, last)
		if err != nil {
			return err
		}
		for _, k := range keys {
			left.At(k.ConversationID)
		}
		last = next
	}
	return nil
}
