package webhook

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
)

// Letter is something that an endpoint could not be told. It says what it was about, and
// not what it said: when it is replayed, the state as it is then is told.
type Letter struct {
	ID       string      `json:"id"` // that the message had: webhook-id
	Name     string      `json:"name"`
	Type     Type        `json:"type"`
	User     string      `json:"user,omitempty"`
	At       events.Time `json:"at"`      // of the event
	DeadAt   events.Time `json:"dead_at"` // when it was given up
	Attempts int         `json:"attempts"`
	Status   int         `json:"status,omitempty"` // of the last answer
	Reason   string      `json:"reason"`           // why it was not delivered last
	About    *About      `json:"about,omitempty"`

	Place uint64 `json:"place"` // of the event in the event stream
}

// About is what a dead letter was about.
type About struct {
	Version       events.Seq       `json:"version,omitempty"`
	Conversations []string         `json:"conversations,omitempty"`
	Threads       []ThreadName     `json:"threads,omitempty"`
	Receipt       *events.Receipt  `json:"receipt,omitempty"`
	Group         string           `json:"group,omitempty"`
	IDs           []string         `json:"ids,omitempty"`
	Refused       *events.Rejected `json:"refused,omitempty"`
	Reason        string           `json:"reason,omitempty"`
}

// ThreadName names a thread.
type ThreadName struct {
	Conversation string `json:"conversation"`
	Thread       string `json:"thread"`
}

// about says what a piece is about.
func (p *piece) about() *About {
	a := &About{}
	switch {
	case p.badge != nil:
		a.Version = p.badge.version
	case p.change != nil:
		a.Version, a.Conversations = p.change.Version, p.change.Removed
		for i := range p.change.Conversations {
			a.Conversations = append(a.Conversations, p.change.Conversations[i].Conversation)
		}
		for i := range p.change.Threads {
			a.Threads = append(a.Threads, ThreadName{p.change.Threads[i].Conversation, p.change.Threads[i].Thread})
		}
	case p.receipt != nil:
		a.Version, a.Receipt = p.receipt.Version, p.receipt
	case p.group != nil:
		a.Version, a.Group = p.group.Version, p.group.Group
		for _, r := range p.group.Receipts {
			a.IDs = append(a.IDs, r.ID)
		}
	case p.rejected != nil:
		a.Refused = p.rejected
	default:
		a.Reason = p.reason
	}
	return a
}

// item is what is told when the letter is replayed.
func (l *Letter) item(from *origin) *item {
	a := l.About
	if a == nil {
		a = &About{}
	}
	p := &piece{origin: from, place: l.Place, at: l.At}
	it := &item{kind: l.Type, lane: l.User, user: l.User, pieces: []*piece{p}, again: true}
	switch l.Type {
	case BadgeChanged:
		it.key, p.badge = badgeKey, &badge{version: a.Version, at: l.At}
	case ConversationChanged:
		c := &events.Change{User: l.User, Version: a.Version, At: l.At}
		for _, name := range a.Conversations {
			c.Conversations = append(c.Conversations, events.Conversation{Conversation: name})
		}
		for _, t := range a.Threads {
			c.Threads = append(c.Threads, events.Thread{Conversation: t.Conversation, Thread: t.Thread})
		}
		it.key, p.change = changeKey, c
	case ReceiptCreated:
		if a.Receipt == nil {
			return nil
		}
		it.key, p.receipt = receiptKey(a.Receipt), a.Receipt
	case GroupReceiptChanged:
		g := &events.GroupReceipts{User: l.User, Version: a.Version, At: l.At, Group: a.Group}
		for _, id := range a.IDs {
			g.Receipts = append(g.Receipts, events.GroupReceipt{ID: id})
		}
		it.key, p.group = groupKey(a.Group), g
	case CommandRefused:
		if a.Refused == nil {
			return nil
		}
		it.lane, p.rejected = refusedLane(a.Refused.Seq), a.Refused
	case Resync:
		it.lane, p.reason = resyncLane, a.Reason
	default:
		return nil
	}
	return it
}

// bury stores an item's pieces as dead letters.
func (e *endpoint) bury(ctx context.Context, it *item) error {
	for _, p := range it.pieces {
		l := Letter{
			ID: e.id(it.kind, p.place), Name: e.cfg.Name, Type: it.kind, User: it.user, At: p.at, DeadAt: events.Time(time.Now().UnixMilli()),
			Attempts: it.attempts, Status: it.status, Reason: it.reason, About: p.about(), Place: p.place,
		}
		if l.Reason == "" {
			l.Reason = "the endpoint took nothing for so long"
		}
		data, err := events.Marshal(events.JSON, l)
		if err == nil {
			_, err = e.hooks.js.Publish(ctx, e.hooks.names.dead(e.cfg.Name), data)
		}
		if err != nil {
			return fmt.Errorf("store a dead letter: %w", err)
		}
	}
	return nil
}

// deadLetter is a dead letter that is replayed. It implements source.
type deadLetter struct {
	stream jetstream.Stream
	seq    uint64
	of     map[uint64]bool // the letters that are replayed now; of the endpoint's loop
}

// Settle removes the letter.
func (d deadLetter) Settle() {
	delete(d.of, d.seq)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	d.stream.DeleteMsg(ctx, d.seq) // else it can be replayed once more
}

func (deadLetter) Touch()    {}
func (deadLetter) GiveBack() {}

// storedLetter is a letter with its place among the dead letters.
type storedLetter struct {
	Letter
	seq uint64
}

// readDead calls fn with the dead letters of an endpoint from a place on, in order, until it returns
// false.
func (h *Webhooks) readDead(ctx context.Context, endpoint string, from uint64, fn func(storedLetter) bool) error {
	stream, err := h.names.deadOf(ctx, h.js, h.cfg.Replicas)
	if err != nil {
		return err
	}
	for next := max(from, 1); ; {
		raw, err := stream.GetMsg(ctx, next, jetstream.WithGetMsgSubject(h.names.dead(endpoint)))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read dead letters: %w", err)
		}
		l := storedLetter{seq: raw.Sequence}
		if json.Unmarshal(raw.Data, &l.Letter) == nil && !fn(l) {
			return nil
		}
		next = raw.Sequence + 1
	}
}

// Dead is a page of dead letters.
type Dead struct {
	Dead []Letter `json:"dead"`
	Next string   `json:"next,omitempty"`
}

// Dead lists the dead letters of an endpoint, the oldest first.
func (h *Webhooks) Dead(ctx context.Context, name string, limit int, after string) (page Dead, err error) {
	page.Dead = []Letter{}
	if h.find(name) == nil {
		return page, errUnknown(name)
	}
	from := uint64(0)
	if after != "" {
		if from, err = parsePlace(after); err != nil {
			return page, err
		}
	}
	err = h.readDead(ctx, name, from, func(l storedLetter) bool {
		if len(page.Dead) == limit {
			page.Next = base64.RawURLEncoding.EncodeToString(strconv.AppendUint(nil, l.seq, 10))
			return false
		}
		page.Dead = append(page.Dead, l.Letter)
		return true
	})
	return page, err
}

func parsePlace(cursor string) (uint64, error) {
	digits, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return 0, events.ErrCursor
	}
	place, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		return 0, events.ErrCursor
	}
	return place, nil
}
