package emit

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/emit/journal"
	"reddot/projector/fold"
	"reddot/projector/store"
	"reddot/projector/view"
)

// author is a user whose messages in groups have more readers (rule receipts-sent).
// While events of a user are on their way, what comes waits and merges; the others go
// in the order of their versions, so that the versions of a user's events grow.
type author struct {
	user   string
	groups []*raised
	flying int // events on their way
}

// raised is a group in which that is so, by commands since a round began.
type raised struct {
	group string
	round *round
	event events.GroupReceipts
}

// raised has a sender notified of more readers.
func (b *backlog) raised(r *round, of fold.Author) {
	a := b.authors[of.User]
	if a == nil {
		a = &author{user: of.User}
		b.authors[of.User] = a
	}
	if slices.ContainsFunc(a.groups, func(w *raised) bool { return w.group == of.Group }) {
		return
	}
	if a.groups = append(a.groups, &raised{group: of.Group, round: r}); len(a.groups) == 1 && a.flying == 0 {
		b.authorsReady.add(a)
	}
	r.open++
}

// notifyAuthors notifies senders for as long as there is room.
func (g *rounds) notifyAuthors(ctx context.Context, snap *store.Snapshot, room *int) error {
	return snap.Read(func(rows fold.Reader) error {
		for *room > 0 {
			a, ok := g.authorsReady.next()
			if !ok {
				return nil
			}
			if err := g.notifyAuthor(ctx, rows, a, room); err != nil {
				return err
			}
			if a.flying == 0 {
				delete(g.authors, a.user)
			}
		}
		return nil
	})
}

// notifyAuthor sends one sender's events.
func (g *rounds) notifyAuthor(ctx context.Context, rows fold.Reader, a *author, room *int) error {
	all := a.groups
	a.groups = nil
	for _, w := range all {
		g.giveWay()
		w.event = view.Raised(rows, fold.Author{Group: w.group, User: a.user}, w.round.since)
		*room -= 8 + len(w.event.Receipts) // about as much as so many rows of a list
	}
	slices.SortFunc(all, func(x, y *raised) int {
		return cmp.Or(cmp.Compare(x.event.Version, y.event.Version), strings.Compare(x.group, y.group))
	})
	for _, w := range all {
		if len(w.event.Receipts) == 0 || g.before.author(&w.event) {
			g.close(w.round)
		} else if err := g.sendRaised(ctx, a, w); err != nil {
			return err
		}
	}
	return nil
}

// sendRaised sends an event, in parts if it is too large for one.
func (g *rounds) sendRaised(ctx context.Context, a *author, w *raised) error {
	f := &authorFlight{backlog: g.backlog, author: a, round: w.round, open: true}
	a.flying++
	for all := w.event.Receipts; f.open; {
		n := len(all)
		data, err := g.fit(&w.event, all, &n)
		if err != nil {
			return err
		}
		all = all[n:]
		f.parts, f.left, f.open = f.parts+1, f.left+1, len(all) > 0
		header := nats.Header{}
		if f.open {
			header.Set(events.HeaderMore, "1")
		}
		if f.open || f.parts > 1 {
			header.Set(journal.HeaderPart, strconv.Itoa(f.parts))
		}
		g.emitter.figures.receipts.Add(1)
		if err := g.put(ctx, "evt."+events.EscapeToken(a.user)+".group-receipt", data, header, f); err != nil {
			return err
		}
	}
	return nil
}

// fit encodes an event with as many of some receipts as there is room for, n at most,
// and one at least.
func (g *rounds) fit(event *events.GroupReceipts, all []events.GroupReceipt, n *int) (data []byte, err error) {
	for {
		event.Receipts = all[:*n]
		if data, err = events.Marshal(g.emitter.cfg.Encoding, event); err != nil || *n == 1 || len(data) <= g.emitter.room() {
			return data, err
		}
		*n /= 2
	}
}

// authorFlight is an event of a sender's on its way. It implements parcel.
type authorFlight struct {
	backlog *backlog
	author  *author
	round   *round
	parts   int  // sent
	left    int  // of them not stored
	open    bool // further parts are to come
}

func (f *authorFlight) Landed() {
	if f.left--; f.left > 0 || f.open {
		return
	}
	b, a := f.backlog, f.author
	b.close(f.round)
	if a.flying--; a.flying > 0 {
		return
	}
	if len(a.groups) > 0 {
		b.authorsReady.add(a)
	} else {
		delete(b.authors, a.user)
	}
}

func (f *authorFlight) last() *round {
	if f.left > 1 || f.open {
		return nil
	}
	return f.round
}
