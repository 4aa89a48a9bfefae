package sim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/twin"
)

// Headers of stored events that are checked.
const (
	headerAt      = "Reddot-At"
	headerApplied = "Reddot-Applied"
	headerShows   = "Reddot-Shows"
	headerMore    = "Reddot-More"
	headerWriter  = "Reddot-Writer"
)

// audit is a listener that hears all that is stored, and compares it with the
// twin as it stands at the seq that the event shows.
type audit struct {
	history *history
	fanout  bool                          // some groups are larger than the fan-out limit
	present func(event int) bool          // an event is still in the stream
	lives   func(run string) bool         // a run has not ended
	fail    func(format string, a ...any) // a check did not hold

	known    map[string]events.Seq // what a run knew to be emitted when it began
	writer   string                // the run that wrote the last event
	taken    int                   // messages by a run that takes over from that while it lives
	twin     *twin.Model
	upto     events.Seq              // the twin's
	claims   *twin.Model             // at the seq up to which all is said to be emitted
	claimed  events.Seq              // that seq
	sent     map[events.Receipt]bool // by the twin
	owed     map[pair]events.Receipt // the last one that was sent up to claimed
	at       events.Seq              // that the last event shows
	users    map[string]*follower
	receipts map[pair]receipt
	readers  *readers
	refusals map[events.Seq]int // the event that showed it last
	events   int
	repeats  int        // events emitted again, since those that showed them had left the stream
	aside    int        // events that show an older state than others before them
	behind   int        // events that say that older rounds are not emitted
	round    events.Seq // that events showed before the last one's
}

// pair names the receipts of what a user has written to a peer, in a thread or in the
// main timeline: a read of that alone is told as one of all is.
type pair struct{ user, peer, thread string }

type receipt struct {
	events.Receipt
	event int
}

func newAudit(h *history) *audit {
	a := &audit{
		history: h, known: map[string]events.Seq{}, twin: twin.New(), claims: twin.New(), sent: map[events.Receipt]bool{}, users: map[string]*follower{},
		receipts: map[pair]receipt{}, refusals: map[events.Seq]int{},
	}
	a.readers = newReaders(a)
	return a
}

// advance brings the twin up to a seq.
func (a *audit) advance(to events.Seq) {
	a.history.replay(a.twin, a.upto, to, func(seq events.Seq, r twin.Result) {
		for _, receipt := range r.Receipts {
			a.sent[receipt] = true
		}
		a.readers.raise(seq, r.Raised)
	})
	a.upto = max(a.upto, to)
}

// as is the twin at a seq that is not beyond upto.
func (a *audit) as(seq events.Seq) *twin.Model {
	if seq == a.upto {
		return a.twin
	}
	m := twin.New()
	a.history.replay(m, 0, seq, func(events.Seq, twin.Result) {})
	return m
}

// hear checks one event, in the order in which they are stored.
func (a *audit) hear(event int, msg *nats.Msg) {
	fence := msg.Subject == "unread-out.fence-0"
	if fence && len(msg.Data) > 0 {
		a.fail("message %d of a fence says something", event)
	}
	if fence && msg.Header.Get(headerAt) == "" {
		if msg.Header.Get(headerWriter) != a.writer && a.lives(a.writer) {
			a.taken++
		}
		return
	}
	a.events++
	at, err := strconv.ParseUint(msg.Header.Get(headerAt), 10, 64)
	if err != nil || events.Seq(at) < a.at {
		a.fail("event %d shows seq %d (%v), one before it %d", event, at, err, a.at)
		return
	}
	if events.Seq(at) > a.at {
		a.round = a.at
	}
	if n, err := strconv.ParseUint(msg.Header.Get(headerApplied), 10, 64); err == nil && events.Seq(n) < a.round {
		a.behind++
	}
	a.at, a.writer = events.Seq(at), msg.Header.Get(headerWriter)
	a.advance(a.at)
	if fence {
		return
	}
	subject, ok := strings.CutPrefix(msg.Subject, "unread-out.0.")
	if !ok {
		a.fail("event %d has subject %s", event, msg.Subject)
		return
	}
	decode := func(v any) bool {
		err := events.Unmarshal(msg.Header.Get("Content-Type"), msg.Data, v)
		if err != nil {
			a.fail("event %d: %v", event, err)
		}
		return err == nil
	}
	shows := a.at
	if h := msg.Header.Get(headerShows); h != "" {
		n, err := strconv.ParseUint(h, 10, 64)
		if shows = events.Seq(n); err != nil || shows >= a.at {
			a.fail("event %d shows seq %q (%v), and all up to it %d", event, h, err, a.at)
			return
		}
	}
	want := "rejected"
	switch subject[strings.LastIndexByte(subject, '.')+1:] {
	case "change":
		var c events.Change
		if shows < a.at {
			a.aside++
		}
		if decode(&c) {
			a.change(event, &c, shows, msg.Header.Get(headerMore) != "")
		}
		want = "evt." + events.EscapeToken(c.User) + ".change"
	case "receipt":
		var r events.Receipt
		if decode(&r) {
			a.receipt(event, r)
		}
		want = "evt." + events.EscapeToken(r.User) + ".receipt"
	case "group-receipt":
		var r events.GroupReceipts
		if decode(&r) {
			a.readers.hear(event, &r, shows, msg.Header.Get(headerMore) != "")
		}
		want = "evt." + events.EscapeToken(r.User) + ".group-receipt"
	case "rejected":
		var r events.Rejected
		if decode(&r) {
			a.rejected(event, r)
		}
	}
	if subject != want {
		a.fail("event %d has subject %s, not %s", event, subject, want)
	}
}

// again checks that an event shows again only what the stream holds no more,
// and what its writer's store did not know to be emitted.
func (a *audit) again(event, before int, seq events.Seq, what string, args ...any) {
	if a.present(before) || seq <= a.known[a.writer] {
		a.fail("event %d shows again what event %d shows, which is still there, or known to be emitted up to %d: %s",
			event, before, a.known[a.writer], fmt.Sprintf(what, args...))
	}
	a.repeats++
}

func (a *audit) receipt(event int, r events.Receipt) {
	k := pair{r.User, r.Peer, r.Thread}
	switch before := a.receipts[k]; {
	case r.Version < before.Version || r.Version > a.at:
		a.fail("event %d at seq %d: %+v comes after %+v", event, a.at, r, before)
	case r.Version == before.Version:
		a.again(event, before.event, r.Version, "%+v", r)
	}
	if !a.sent[r] {
		a.fail("event %d: the twin has not sent %+v by seq %d", event, r, a.at)
	}
	a.receipts[k] = receipt{r, event}
}

func (a *audit) rejected(event int, r events.Rejected) {
	if before, ok := a.refusals[r.Seq]; ok {
		a.again(event, before, r.Seq, "the refusal of seq %d", r.Seq)
	}
	a.refusals[r.Seq] = event
	c := command{}
	if int(r.Seq) <= len(a.history.log) && r.Seq > 0 {
		c = a.history.log[r.Seq-1]
	}
	if r.Reason != c.refused || r.Reason == "" || r.Subject != c.subject || r.Seq > a.at {
		a.fail("event %d at seq %d: %+v; by a clean fold it is refused with %q", event, a.at, r, c.refused)
	}
}

// owes returns what receipts there must be of, in order.
func (a *audit) owes() []pair {
	return slices.SortedFunc(maps.Keys(a.owed), func(a, b pair) int {
		return cmp.Or(strings.Compare(a.user, b.user), strings.Compare(a.peer, b.peer), strings.Compare(a.thread, b.thread))
	})
}

// emitted checks the claim that all events of the commands up to seq are stored.
func (a *audit) emitted(seq events.Seq) {
	if n := len(a.history.log); int(seq) > n {
		a.fail("seq %d is said to be emitted, and there are %d commands", seq, n)
		return
	}
	for i := range a.history.log[:seq] {
		if _, ok := a.refusals[events.Seq(i+1)]; a.history.log[i].refused != "" && !ok {
			a.fail("seq %d is said to be emitted, the refusal of %d is not", seq, i+1)
		}
	}
	a.readers.emitted(seq)
	if seq <= a.claimed {
		return
	}
	a.history.replay(a.claims, a.claimed, seq, func(_ events.Seq, did twin.Result) {
		for _, r := range did.Receipts {
			if a.owed == nil {
				a.owed = map[pair]events.Receipt{}
			}
			a.owed[pair{r.User, r.Peer, r.Thread}] = r
		}
	})
	a.claimed = seq
	users := a.claims.Users()
	for _, user := range users {
		if !a.fanout {
			a.settled(user)
		}
	}
	for _, k := range a.owes() { // of one who has been erased since there is no receipt any more
		r, got := a.owed[k], a.receipts[k]
		if !a.history.erased(k.peer, r.Version) && got.Version <= seq && (got.Upto != r.Upto || got.At != r.At || got.Version != r.Version) {
			a.fail("at seq %d %q is notified last of %q %+v, the twin says %+v", seq, k.user, k.peer, got, r)
		}
	}
}
