package emit

import (
	"strings"

	"reddot/events"
	"reddot/projector/dirty"
	"reddot/projector/fold"
)

// backlog is what is to be emitted, by whom it waits for: users of commands that
// touch few are notified before those of commands that touch many, and whose lists
// are long are read aside. It is for one goroutine.
//
// Invariant: of every user, all up to since(user) is emitted; and of everybody and
// everything, all up to applied().
type backlog struct {
	rounds   []*round // that have something open, in order, and the newest
	users    map[string]*due
	notified map[string]events.Seq // the state that users were shown, of those notified since applied()
	before   *inherited            // what an emitter before had emitted, until applied() has passed it

	prompt, bulk, long queue
	lots               []*lot
	open               map[string]*lot    // by group: its messages; nobody has been notified of them
	stamps             map[string]stamped // of groups with messages to be emitted in bulk

	receipts, bulkReceipts receipts
	refusals               *refusals

	authors      map[string]*author // by user: whose messages in groups have more readers
	authorsReady elevator[*author]  // those of whom nothing is on its way

	flights        map[string]*flight // changes on their way, by user
	receiptFlights map[fold.ReceiptKey]*receiptFlight
}

// round is one taking over of the dirty set: commands in (since, upto].
type round struct {
	since events.Seq
	upto  dirty.Stamp
	begin uint64 // sequence in the event stream of the first event after it
	open  int    // what the commands have left to be emitted
}

// newBacklog returns a backlog with nothing to emit after what an emitter before has.
func newBacklog(since events.Seq, before *inherited) *backlog {
	b := &backlog{
		users: map[string]*due{}, notified: map[string]events.Seq{}, before: before,
		open: map[string]*lot{}, stamps: map[string]stamped{},
		prompt: newQueue(promptLane), bulk: newQueue(bulkLane), long: newQueue(longLane),
		receipts: newReceipts(), bulkReceipts: newReceipts(),
		authors:      map[string]*author{},
		authorsReady: elevator[*author]{compare: func(a, b *author) int { return strings.Compare(a.user, b.user) }},
		flights:      map[string]*flight{}, receiptFlights: map[fold.ReceiptKey]*receiptFlight{},
		rounds: []*round{{since: since, upto: dirty.Stamp{Seq: since}}},
	}
	if before != nil {
		b.notified = before.changes
	}
	return b
}

// newest is the last round.
func (b *backlog) newest() *round { return b.rounds[len(b.rounds)-1] }

// first is the oldest round with something to be emitted, or the newest.
func (b *backlog) first() *round {
	for len(b.rounds) > 1 && b.rounds[0].open == 0 {
		b.rounds = b.rounds[1:]
	}
	return b.rounds[0]
}

// applied is the seq up to which all is emitted.
func (b *backlog) applied() events.Seq {
	if r := b.first(); r.open > 0 {
		return r.since
	}
	return b.newest().upto.Seq
}

// appliedBut is what applied will be when one thing that a round has open is emitted
// (nil: nothing), and where in the event stream what is emitted of later commands
// begins.
func (b *backlog) appliedBut(one *round) (applied events.Seq, begin uint64) {
	for _, r := range b.rounds {
		if r.open > 1 || r.open == 1 && r != one {
			return r.since, r.begin
		}
	}
	return b.newest().upto.Seq, b.newest().begin
}

// roundAt is the round of the commands that come after a seq.
func (b *backlog) roundAt(seq events.Seq) *round {
	r := b.rounds[0]
	for _, later := range b.rounds[1:] {
		if later.since > seq {
			break
		}
		r = later
	}
	return r
}

// since is the seq up to which a user has been notified of everything.
func (b *backlog) since(user string) events.Seq { return max(b.applied(), b.notified[user]) }

// fewNotified is up to how many users a map is used again.
const fewNotified = 1_024

// forget drops what need not be known any more.
func (b *backlog) forget(kept int) int {
	applied := b.applied()
	if b.before != nil && applied >= b.before.at {
		b.before = nil
	}
	switch {
	case applied == b.newest().upto.Seq && len(b.notified) > fewNotified:
		b.notified = map[string]events.Seq{}
	case applied == b.newest().upto.Seq:
		clear(b.notified)
	case len(b.notified) > 2*kept+fewNotified:
		for user, seq := range b.notified {
			if seq <= applied {
				delete(b.notified, user)
			}
		}
		return len(b.notified)
	default:
		return kept
	}
	return 0
}

// begin begins a round with what commands up to a seq have touched. The first one
// goes on with what an emitter before has left undone.
func (b *backlog) begin(upto dirty.Stamp, next uint64) *round {
	r := &round{since: b.newest().upto.Seq, upto: upto, begin: next}
	if len(b.rounds) == 1 && b.before != nil && r.since < b.before.at {
		r.begin = b.before.begin
	}
	b.rounds = append(b.rounds, r)
	return r
}

// close ends one thing that a round had open.
func (b *backlog) close(r *round) { r.open-- }

// swept has a user notified of a conversation that left the list by an earlier command
// than those of this round, unless that was emitted when its row was still there.
func (b *backlog) swept(t fold.Departure) {
	if b.since(t.User) >= t.Seq {
		return
	}
	i := len(b.rounds) - 1
	for i > 0 && b.rounds[i].since >= t.Seq {
		i--
	}
	b.add(b.rounds[i], t.User, dirty.Stamp{Seq: t.Seq, At: t.At}, bulkLane).left.At(t.ConversationID)
}

// waits reports whether something can be emitted now. What is emitted in bulk waits while
// much is on its way.
func (b *backlog) waits(bulk bool) bool {
	return b.prompt.len()+b.receipts.len()+b.authorsReady.len() > 0 || b.refusals != nil ||
		bulk && b.bulk.len()+len(b.lots)+b.bulkReceipts.len() > 0
}
