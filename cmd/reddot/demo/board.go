package demo

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"reddot/api/client"
	"reddot/events"
)

// maxTexts bounds the messages whose text is kept; older ones are shown by
// their ids.
const maxTexts = 2000

// maxEarlier bounds what is kept of what happened before the last thing: more
// than the lines of a screen.
const maxEarlier = 200

// board is what the listeners have said, and what the messages say.
type board struct {
	changed chan struct{}  // has an element when there is something new
	zone    *time.Location // times of day are shown in it
	log     func(string)   // is called with everything in words; nil for nobody

	mu struct {
		sync.Mutex
		panels []*panel
		words  string            // what happened last
		before []string          // what happened before that, the oldest first
		texts  map[string]string // by message id
		ids    []string          // of texts, oldest first
	}
}

// panel is one user's side of the board.
type panel struct {
	user     string
	state    client.State
	totals   events.Totals
	list     map[string]events.Conversation
	receipts map[string]events.Receipt // the last one by peer
	latest   string                    // peer of the last receipt of all
}

func newBoard(users []string, zone *time.Location, log func(string)) *board {
	b := &board{changed: make(chan struct{}, 1), zone: zone, log: log}
	b.mu.texts = map[string]string{}
	for _, user := range users {
		b.mu.panels = append(b.mu.panels, &panel{user: user, list: map[string]events.Conversation{}, receipts: map[string]events.Receipt{}})
	}
	return b
}

// panels are what listeners may be made for; what they hold is the board's.
func (b *board) panels() []*panel {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.mu.panels)
}

// happens notes what is about to happen.
func (b *board) happens(a *act) {
	b.update(func() string {
		if b.mu.words != "" {
			b.mu.before = append(b.mu.before[max(0, len(b.mu.before)+1-maxEarlier):], b.mu.words)
		}
		b.mu.words = a.words
		if a.id != "" {
			b.keepText(a.id, a.text)
		}
		return a.words
	})
}

func (b *board) keepText(id, text string) {
	if _, known := b.mu.texts[id]; !known {
		b.mu.ids = append(b.mu.ids, id)
	}
	b.mu.texts[id] = text
	if len(b.mu.ids) > maxTexts {
		delete(b.mu.texts, b.mu.ids[0])
		b.mu.ids = b.mu.ids[1:]
	}
}

// text is what a message says.
func (b *board) text(id string) string { return cmp.Or(b.mu.texts[id], id) }

// update changes the board; what change returns is what happened, in words.
func (b *board) update(change func() string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	words := change()
	if b.log != nil && words != "" {
		b.log(words)
	}
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// listener writes what it hears on a panel.
func (b *board) listener(p *panel) client.Listener {
	return client.Listener{
		ConversationsChanged: func(list []events.Conversation) {
			b.update(func() string {
				var told []string
				for _, c := range list {
					p.list[c.Conversation] = c
					told = append(told, nameOf(c.Conversation)+" "+counts(c))
				}
				return fmt.Sprintf("    %s's list: %s", p.user, strings.Join(told, ", "))
			})
		},
		ConversationsRemoved: func(names []string) {
			b.update(func() string {
				var told []string
				for _, name := range names {
					delete(p.list, name)
					told = append(told, nameOf(name))
				}
				return fmt.Sprintf("    %s's list: without %s", p.user, strings.Join(told, ", "))
			})
		},
		TotalUnreadChanged: func(t events.Totals) {
			b.update(func() string {
				p.totals = t
				return fmt.Sprintf("    %s's total: %d", p.user, t.Unread)
			})
		},
		C2CReadReceipt: func(list []events.Receipt) {
			b.update(func() string {
				var told []string
				for _, r := range list {
					p.receipts[r.Peer], p.latest = r, r.Peer
					told = append(told, fmt.Sprintf("✓✓ %s has read up to %q", r.Peer, b.text(r.Upto)))
				}
				return fmt.Sprintf("    %s sees: %s", p.user, strings.Join(told, ", "))
			})
		},
		StateChanged: func(s client.State) {
			b.update(func() string {
				p.state = s
				return ""
			})
		},
	}
}

// counts is a conversation's counts and flags in words.
func counts(c events.Conversation) string {
	parts := []string{fmt.Sprint(c.Unread)}
	if c.Mentions > 0 {
		parts = append(parts, fmt.Sprintf("@%d", c.Mentions))
	}
	if c.MarkedUnread {
		parts = append(parts, "marked")
	}
	if c.Muted {
		parts = append(parts, "muted")
	}
	return strings.Join(parts, " ")
}

// nameOf is what a conversation is called in a list.
func nameOf(conversation string) string {
	id, err := events.ParseConversation(conversation)
	if err != nil {
		return conversation
	}
	if id.Kind == events.Group {
		return "#" + id.ID
	}
	return id.ID
}

// ordered is the list as it is shown: newest message first. The script's
// messages have times of their own, so there are no ties.
func (p *panel) ordered() []events.Conversation {
	return slices.SortedFunc(maps.Values(p.list), func(x, y events.Conversation) int {
		return cmp.Or(cmp.Compare(lastAt(y), lastAt(x)), cmp.Compare(x.Conversation, y.Conversation))
	})
}

func lastAt(c events.Conversation) events.Time {
	if c.LastMessage == nil {
		return 0
	}
	return c.LastMessage.At
}
