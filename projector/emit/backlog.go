package emit

import (
	"slices"

	"reddot/events"
	"reddot/projector/dirty"
	"reddot/projector/fold"
)

// backlog is what is to be told, by whom it waits for: users of commands that
// touch few are told before those of commands that touch many, and whose lists
// are long are told aside. It is for one goroutine.
//
// Invariant: of every user, all up to since(user) is told; and of everybody and
// everything, all up to applied().
type backlog struct {
	rounds []*round // that have something open, in order, and the newest
	users  map[string]*due
	told   map[string]events.Seq // the state that users were told, of those told since applied()
	before *told                 // what an emitter before had told, until applied() has passed it

	prompt, bulk, long queue
	lots               []*lot
	open               map[string]*lot    // by group: its messages; nobody has been told of them
	stamps             map[string]stamped // of groups with messages to be told in bulk

	receipts, bulkReceipts waiting
	refusals               *refusals

	flights        map[string]*flight // changes on their way, by user
	receiptFlights map[fold.Key]*receiptFlight
}

// round is one taking over of marks: commands in (since, upto].
type round struct {
	since events.Seq
	upto  dirty.Stamp
	begin uint64 // sequence in the event stream of the first event after it
	open  int    // what the commands have left to be told
}

// lane says where a due user waits. Whoever has waited in one lane may go over to
// one of those that follow.
type lane byte

const (
	nowhere lane = iota // told
	bulkLane
	promptLane
	longLane
	aside  // being read
	flying // until what the user is just being told has landed
)

// due is a user to be told.
type due struct {
	user string
	dirty.Stamp
	left  dirty.Conversations // that may have left the list
	round *round              // the first whose commands are not told
	lane  lane
	next  lane // after flying
}

// stamped is the newest message of a group, and in how many lots it is told.
type stamped struct {
	dirty.Stamp
	lots int
}

// waiting are receipts to be sent, in the order in which they came.
type waiting struct {
	keys []fold.Key
	of   map[fold.Key]*round
}

// refusals are those of commands in (after, upto] that are not sent.
type refusals struct {
	after, upto events.Seq
	round       *round
}

func (w *waiting) add(k fold.Key, r *round) {
	w.of[k] = r
	w.keys = append(w.keys, k)
}

// newBacklog has nothing to tell after what an emitter before has told.
func newBacklog(since events.Seq, before *told) *backlog {
	b := &backlog{
		users: map[string]*due{}, told: map[string]events.Seq{}, before: before,
		open: map[string]*lot{}, stamps: map[string]stamped{},
		prompt: queue{lane: promptLane}, bulk: queue{lane: bulkLane}, long: queue{lane: longLane},
		receipts:     waiting{of: map[fold.Key]*round{}},
		bulkReceipts: waiting{of: map[fold.Key]*round{}},
		flights:      map[string]*flight{}, receiptFlights: map[fold.Key]*receiptFlight{},
		rounds: []*round{{since: since, upto: dirty.Stamp{Seq: since}}},
	}
	if before != nil {
		b.told = before.changes
	}
	return b
}

// newest is the last round.
func (b *backlog) newest() *round { return b.rounds[len(b.rounds)-1] }

// first is the oldest round with something to be told, or the newest.
func (b *backlog) first() *round {
	for len(b.rounds) > 1 && b.rounds[0].open == 0 {
		b.rounds = b.rounds[1:]
	}
	return b.rounds[0]
}

// applied is the seq up to which all is told.
func (b *backlog) applied() events.Seq {
	if r := b.first(); r.open > 0 {
		return r.since
	}
	return b.newest().upto.Seq
}

// appliedBut is what applied will be when one thing that a round has open is told
// (nil: nothing), and where in the event stream what is told of later commands
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

// since is the seq up to which a user has been told everything.
func (b *backlog) since(user string) events.Seq { return max(b.applied(), b.told[user]) }

// fewTold is how many users told a map is used for again.
const fewTold = 1_024

// forget drops what need not be known any more.
func (b *backlog) forget(kept int) int {
	applied := b.applied()
	if b.before != nil && applied >= b.before.at {
		b.before = nil
	}
	switch {
	case applied == b.newest().upto.Seq && len(b.told) > fewTold:
		b.told = map[string]events.Seq{}
	case applied == b.newest().upto.Seq:
		clear(b.told)
	case len(b.told) > 2*kept+fewTold:
		for user, seq := range b.told {
			if seq <= applied {
				delete(b.told, user)
			}
		}
		return len(b.told)
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

// mark notes that a user is to be told. A prompt mark has them told promptly.
func (b *backlog) mark(r *round, user string, s dirty.Stamp, l lane) *due {
	d := b.users[user]
	if d == nil {
		d = &due{user: user, round: r}
		b.users[user] = d
		r.open++
	} else if r.since < d.round.since {
		r.open++
		b.close(d.round)
		d.round = r
	}
	d.Stamp = dirty.Later(d.Stamp, s)
	if d.lane == flying {
		d.next = max(d.next, l)
	} else if d.lane < l {
		b.enqueue(d, l)
	}
	return d
}

func (b *backlog) enqueue(d *due, l lane) {
	switch d.lane = l; l {
	case promptLane:
		b.prompt.add(d)
	case bulkLane:
		b.bulk.add(d)
	case longLane:
		b.long.add(d)
	}
}

// tell notes what a user has been told: the state at a seq. The user may wait for
// something.
func (b *backlog) tell(user string, at events.Seq) {
	b.told[user] = at
	if d := b.users[user]; d != nil && d.lane != aside {
		b.drop(d)
	}
}

func (b *backlog) drop(d *due) {
	d.lane = nowhere
	delete(b.users, d.user)
	b.close(d.round)
}

// again has a user who was told the state at a seq wait on: the commands after it
// are not told.
func (b *backlog) again(d *due, at events.Seq) {
	r := b.roundAt(at)
	r.open++
	b.close(d.round)
	d.round = r
	b.enqueue(d, longLane)
}

// addLot has the users of a list told, in bulk.
func (b *backlog) addLot(r *round, n dirty.Bulk, message bool) {
	if !message {
		slices.Sort(n.Users)
		n.Users = slices.Compact(n.Users)
	} else if l := b.open[n.Group]; l != nil && l.next == 0 {
		l.Users, l.Stamp = union(l.Users, n.Users), n.Stamp
		b.stamps[n.Group] = stamped{n.Stamp, b.stamps[n.Group].lots}
		return
	}
	l := &lot{Bulk: n, message: message, round: r}
	r.open++
	b.lots = append(b.lots, l)
	if message {
		b.open[n.Group] = l
		b.stamps[n.Group] = stamped{n.Stamp, b.stamps[n.Group].lots + 1}
	}
}

// begun has those told who are concerned by what a command has left to be swept:
// the members of a dismissed group, those who joined or left, or who was erased.
func (b *backlog) begun(r *round, w *fold.Sweep) {
	s := dirty.Stamp{Seq: w.Seq, At: w.At}
	switch w.Kind {
	case fold.SweepErase:
		b.mark(r, w.ID, s, promptLane)
		return
	case fold.SweepJoin:
		b.addLot(r, dirty.Bulk{Stamp: s, Group: w.ID, Users: slices.Clone(w.Users)}, false)
		return
	}
	r.open++
	b.lots = append(b.lots, &lot{Bulk: dirty.Bulk{Stamp: s, Group: w.ID, Left: true}, sweep: w, more: true, round: r})
}

// swept has a user told of a conversation that left the list by an earlier command
// than those of this round, unless that was told when its row was still there.
func (b *backlog) swept(t fold.Departure) {
	if b.since(t.User) >= t.Seq {
		return
	}
	i := len(b.rounds) - 1
	for i > 0 && b.rounds[i].since >= t.Seq {
		i--
	}
	b.mark(b.rounds[i], t.User, dirty.Stamp{Seq: t.Seq, At: t.At}, bulkLane).left.At(t.ConversationID)
}

// lotDone ends a lot that all are told of.
func (b *backlog) lotDone(l *lot) {
	b.close(l.round)
	if !l.message {
		return
	}
	if b.open[l.Group] == l {
		delete(b.open, l.Group)
	}
	if s := b.stamps[l.Group]; s.lots > 1 {
		b.stamps[l.Group] = stamped{s.Stamp, s.lots - 1}
	} else {
		delete(b.stamps, l.Group)
	}
}

// bound has the users of all but some lists wait one by one: whoever is told is
// looked for in each list.
func (b *backlog) bound() {
	lists := 0
	for _, l := range slices.Backward(b.lots) {
		if !l.list() {
			continue
		}
		if lists++; lists <= mostLists {
			continue
		}
		for _, user := range l.Users[l.next:] {
			if b.told[user] >= l.Seq {
				continue
			}
			if d := b.mark(l.round, user, l.Stamp, bulkLane); l.Left {
				d.left.At(events.ConversationID{Kind: events.Group, ID: l.Group})
			}
		}
		l.next = len(l.Users)
		b.lotDone(l)
	}
	b.lots = slices.DeleteFunc(b.lots, func(l *lot) bool { return l.list() && l.next == len(l.Users) })
}

// mostLists bounds the lists in which whoever is told is looked for.
const mostLists = 16

// merge adds what a user waits for in lists of users to a mark.
func (b *backlog) merge(user string, s *dirty.Stamp, left *dirty.Conversations) {
	for _, l := range b.lots {
		if !l.list() {
			continue
		}
		if _, found := slices.BinarySearch(l.Users[l.next:], user); found {
			*s = dirty.Later(*s, l.Stamp)
			if l.Left {
				left.At(events.ConversationID{Kind: events.Group, ID: l.Group})
			}
		}
	}
}

// receipt has a receipt sent.
func (b *backlog) receipt(r *round, k fold.Key, in *waiting) {
	if b.receipts.of[k] != nil || b.bulkReceipts.of[k] != nil {
		return
	}
	switch f := b.receiptFlights[k]; {
	case f == nil:
		in.add(k, r)
	case f.again == nil:
		f.again = r
	default:
		return
	}
	r.open++
}

// waits says whether something can be told now. What is told in bulk waits while
// much is on its way.
func (b *backlog) waits(bulk bool) bool {
	return b.prompt.len()+len(b.receipts.keys) > 0 || b.refusals != nil ||
		bulk && b.bulk.len()+len(b.lots)+len(b.bulkReceipts.keys) > 0
}
