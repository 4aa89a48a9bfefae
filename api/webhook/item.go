package webhook

import (
	"slices"
	"strconv"
	"time"

	"reddot/events"
)

// origin is where a piece comes from: a stored event, or a dead letter that is replayed.
// It is settled once all that it brought is told, or need not be.
type origin struct {
	place  uint64 // in the event stream; 0: it has none there
	from   source
	pieces int // not settled
	bytes  int
}

// source is what an origin is settled with.
type source interface {
	Settle()   // it is told: never again
	Touch()    // it is being worked at
	GiveBack() // it is not: at once again, here or elsewhere
}

// piece is what one event says of one thing.
type piece struct {
	origin *origin
	place  uint64 // of its event in the event stream
	at     events.Time

	badge    *badge
	change   *events.Change
	receipt  *events.Receipt
	group    *events.GroupReceipts
	rejected *events.Rejected
	reason   string // of a resync
}

// version is that of the state that the event showed; 0: it showed none.
func (p *piece) version() events.Seq {
	switch {
	case p.badge != nil:
		return p.badge.version
	case p.change != nil:
		return p.change.Version
	case p.receipt != nil:
		return p.receipt.Version
	case p.group != nil:
		return p.group.Version
	}
	return 0
}

// item is what waits to be told about one thing: of all events about it what the newest
// ones say.
type item struct {
	kind   Type
	lane   string // the user, or a name that no user has
	user   string // empty: it is about none
	key    string // of the thing, among those of the lane
	pieces []*piece

	again    bool // it may have been told, or newer things: the state as it is now is told
	sent     bool // it was sent, or what it has absorbed was, and nobody knows whether it was taken
	rising   bool // of a badge: more than was told
	attempts int
	since    time.Time // of the newest piece
	due      time.Time
	probe    bool
	reason   string // why it was not told last
	status   int    // of that answer; 0: there was none
	body     []byte // as it was sent, unless something has changed since
	tells    told   // what is told with that: the version, and a badge
}

// newest is the item's newest piece.
func (it *item) newest() *piece { return it.pieces[len(it.pieces)-1] }

// keys and lanes of things. Ids have no NUL.
func receiptKey(r *events.Receipt) string { return "receipt\x00" + r.Peer + "\x00" + r.Thread }
func groupKey(group string) string        { return "group\x00" + group }

const (
	badgeKey   = "badge"
	changeKey  = "change"
	resyncLane = "\x00resync"
)

func refusedLane(seq events.Seq) string { return "\x00refused " + strconv.FormatUint(uint64(seq), 10) }

// absorb adds an older item about the same thing in front of this one's pieces, and
// returns what of it is superseded: the pieces of which nothing is left that no newer one
// shows.
func (it *item) absorb(older *item) (superseded []*piece) {
	it.again, it.sent = it.again || older.again, it.sent || older.sent
	it.body = nil
	var left []*piece
	for _, p := range older.pieces {
		if it.covers(p) {
			superseded = append(superseded, p)
		} else {
			left = append(left, p)
		}
	}
	it.pieces = append(left, it.pieces...)
	return superseded
}

// covers takes out of an older piece what this item's pieces show, and reports whether
// nothing is left.
func (it *item) covers(old *piece) bool {
	switch it.kind {
	case ConversationChanged:
		shown := map[string]bool{}
		threads := map[[2]string]bool{}
		for _, p := range it.pieces {
			for i := range p.change.Conversations {
				shown[p.change.Conversations[i].Conversation] = true
			}
			for _, name := range p.change.Removed {
				shown[name] = true
				threads[[2]string{name}] = true
			}
			for i := range p.change.Threads {
				threads[[2]string{p.change.Threads[i].Conversation, p.change.Threads[i].Thread}] = true
			}
		}
		c := *old.change
		c.Conversations = slices.DeleteFunc(slices.Clone(c.Conversations), func(c events.Conversation) bool { return shown[c.Conversation] })
		c.Removed = slices.DeleteFunc(slices.Clone(c.Removed), func(name string) bool { return shown[name] })
		c.Threads = slices.DeleteFunc(slices.Clone(c.Threads), func(t events.Thread) bool {
			return threads[[2]string{t.Conversation, t.Thread}] || threads[[2]string{t.Conversation}]
		})
		old.change = &c
		return len(c.Conversations)+len(c.Removed)+len(c.Threads) == 0
	case GroupReceiptChanged:
		shown := map[string]bool{}
		for _, p := range it.pieces {
			for _, r := range p.group.Receipts {
				shown[r.ID] = true
			}
		}
		g := *old.group
		g.Receipts = slices.DeleteFunc(slices.Clone(g.Receipts), func(r events.GroupReceipt) bool { return shown[r.ID] })
		old.group = &g
		return len(g.Receipts) == 0
	}
	return true
}

// change is what a conversation item shows: its pieces, each of which shows what no
// newer one does, with the newest totals.
func (it *item) change() *events.Change {
	c := *it.newest().change
	c.Conversations, c.Removed, c.Threads = []events.Conversation{}, nil, nil
	for _, p := range slices.Backward(it.pieces) {
		c.Conversations = append(c.Conversations, p.change.Conversations...)
		c.Removed = append(c.Removed, p.change.Removed...)
		c.Threads = append(c.Threads, p.change.Threads...)
	}
	return &c
}

// groupReceipts is what an item of group receipts shows.
func (it *item) groupReceipts() *events.GroupReceipts {
	g := *it.newest().group
	g.Receipts = nil
	for _, p := range it.pieces {
		g.Receipts = append(g.Receipts, p.group.Receipts...)
	}
	return &g
}
