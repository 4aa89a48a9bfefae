package demo

import (
	"fmt"
	"slices"
	"time"

	"reddot/api/client"
	"reddot/events"
)

// picture is what a frame shows: the board at one moment.
type picture struct {
	title  string
	lists  []list
	words  string   // what happened last
	before []string // what happened before that, the oldest first
}

// list is one user's conversation list.
type list struct {
	user      string
	live      bool
	totals    events.Totals
	rows      []row
	receipt   string // the last one, in words; empty if there is none
	receiptAt string // time of day
}

// row is a conversation in a list.
type row struct {
	name             string
	unread, mentions uint64
	marked, muted    bool
	from, text       string // of the last message
	tick             tick
}

// tick is what is known of the last message, if it is one's own in a one to
// one chat.
type tick uint8

const (
	noTick tick = iota
	sent        // ✓
	read        // ✓✓: the peer's receipt names it
)

// picture copies the board.
func (b *board) picture() picture {
	b.mu.Lock()
	defer b.mu.Unlock()
	pic := picture{words: b.mu.words, before: slices.Clone(b.mu.before)}
	for _, p := range b.mu.panels {
		l := list{user: p.user, live: p.state == client.Live, totals: p.totals}
		for _, c := range p.ordered() {
			l.rows = append(l.rows, b.row(p, &c))
		}
		if r, ok := p.receipts[p.latest]; ok {
			l.receipt = fmt.Sprintf("%s read up to %q", r.Peer, b.text(r.Upto))
			l.receiptAt = time.UnixMilli(int64(r.At)).In(b.zone).Format(time.TimeOnly)
		}
		pic.lists = append(pic.lists, l)
	}
	return pic
}

func (b *board) row(p *panel, c *events.Conversation) row {
	r := row{name: nameOf(c.Conversation), unread: c.Unread, mentions: c.Mentions, marked: c.MarkedUnread, muted: c.Muted}
	m := c.LastMessage
	if m == nil {
		return r
	}
	r.text = b.text(m.ID)
	id, err := events.ParseConversation(c.Conversation)
	if err != nil || id.Kind == events.Group {
		r.from = m.From
		return r
	}
	if m.From == p.user {
		r.tick = sent
		if p.receipts[id.ID].Upto == m.ID {
			r.tick = read
		}
	}
	return r
}
