package projector_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/twin"
)

// audit compares each stored event with the twin, as it stands at the seq that
// the event shows.
type audit struct {
	*ledger
	author *author
	twin   *twin.Model
	upto   events.Seq              // the twin's
	old    *audit                  // one for the states before that; nil: not asked for yet
	sent   map[events.Receipt]bool // by the twin
	raised map[readKey]events.Seq  // by the twin, the last time
	filter map[string][]events.Seq // which commands have changed a user's kept filters
	refuse map[events.Seq]string   // by the twin: the reason; "" if the form is wrong
	events int
}

func newAudit(t testing.TB, a *author) *audit {
	return &audit{ledger: newLedger(t), author: a, twin: twin.New(), sent: map[events.Receipt]bool{}, raised: map[readKey]events.Seq{}, filter: map[string][]events.Seq{}, refuse: map[events.Seq]string{}}
}

// advance brings the twin up to a seq.
func (a *audit) advance(to events.Seq) {
	for ; a.upto < to; a.upto++ {
		c := a.author.log[a.upto]
		if c.malformed {
			a.refuse[a.upto+1] = ""
			continue
		}
		kept := c.Verb == events.UserErase && len(a.twin.Filters(c.Inbox)) > 0
		r := a.twin.Apply(a.upto+1, 0, &c.Command)
		if kept || c.Verb == events.UserFilter && r.Refused == "" && !r.Ignored {
			a.filter[c.Inbox] = append(a.filter[c.Inbox], a.upto+1)
		}
		if r.Refused != "" {
			a.refuse[a.upto+1] = r.Refused
		}
		for _, receipt := range r.Receipts {
			a.sent[receipt] = true
		}
		for _, x := range r.Raised {
			a.raised[readKey{x.Sender, x.Group, x.ID}] = a.upto + 1
		}
	}
}

// shown is a twin at a seq that an event shows: the twin, or an older one.
func (a *audit) shown(seq events.Seq) *twin.Model {
	if seq == a.upto {
		return a.twin
	}
	if a.old == nil || a.old.upto > seq {
		a.old = newAudit(a.t, a.author)
	}
	a.old.advance(seq)
	return a.old.twin
}

// read checks events in the order in which they are stored.
func (a *audit) read(all []stored) {
	a.t.Helper()
	for i := range all {
		s := &all[i]
		a.advance(s.at)
		a.events++
		before := a.heard(s)
		switch event := a.enter(s).(type) {
		case *events.Change:
			a.compare(s, event, before)
		case *events.Receipt:
			if !a.sent[*event] {
				a.t.Errorf("event %d: the twin has not sent %+v by seq %d", s.seq, event, s.at)
			}
		case *events.GroupReceipts:
			a.readBy(s, event)
		case *events.Rejected:
			reason, ok := a.refuse[event.Seq]
			if !ok || reason != "" && event.Reason != reason || event.Reason == "" || event.Subject != a.author.log[event.Seq-1].subject {
				a.t.Errorf("event %d: %+v; the twin says %q", s.seq, event, reason)
			}
		}
	}
}

// heard is what the user of a change has heard of before it.
func (a *audit) heard(s *stored) follower {
	user, ok := strings.CutPrefix(strings.TrimSuffix(s.subject, ".change"), "evt.")
	if !ok {
		return follower{}
	}
	user, _ = events.UnescapeToken(user)
	if f := a.users[user]; f != nil {
		return *f
	}
	return follower{}
}

// filtering reports whether a command after a version and up to another one has changed
// a user's kept filters: that is an event, whatever the totals (rule filter).
func (a *audit) filtering(user string, after, upto events.Seq) bool {
	return slices.ContainsFunc(a.filter[user], func(seq events.Seq) bool { return seq > after && seq <= upto })
}

// compare compares a change with the twin. before is what its user has heard of before it.
func (a *audit) compare(s *stored, c *events.Change, before follower) {
	twin := a.shown(s.shows)
	if v := twin.Version(c.User); c.Version != v {
		a.t.Errorf("event %d: %q is notified of version %d, and has %d at seq %d", s.seq, c.User, c.Version, v, s.shows)
	}
	if d := cmp.Diff(twin.Totals(c.User, events.NoKind, false), c.Totals); d != "" {
		a.t.Errorf("event %d: totals of %q at seq %d (-twin +emitted):\n%s", s.seq, c.User, s.shows, d)
	}
	if len(c.Conversations)+len(c.Removed)+len(c.Threads) == 0 && maps.Equal(c.Filters, before.filters) && !a.filtering(c.User, before.version, c.Version) {
		a.t.Errorf("event %d: rule quiet: there is nothing for %q", s.seq, c.User)
	}
	if d := cmp.Diff(twin.Filters(c.User), c.Filters, cmpopts.EquateEmpty()); d != "" {
		a.t.Errorf("event %d: filters of %q at seq %d (-twin +emitted):\n%s", s.seq, c.User, s.shows, d)
	}
	for _, got := range c.Threads {
		want, there := twin.Thread(c.User, got.Conversation, got.Thread)
		if !there { // it had no message, and is not followed any more
			want = events.Thread{Conversation: got.Conversation, Thread: got.Thread, ReadUpto: got.ReadUpto}
		}
		if !got.Following { // its version may be later, see fold.TimelineVersion
			want.Version = got.Version
		}
		if !cmp.Equal(want, got) {
			a.t.Errorf("event %d: thread of %q at seq %d (-twin +emitted):\n%s", s.seq, c.User, s.shows, cmp.Diff(want, got))
		}
	}
	list := byName(twin.Conversations(c.User))
	for _, got := range c.Conversations {
		if d := cmp.Diff(list[got.Conversation], got); d != "" {
			a.t.Errorf("event %d: %s of %q at seq %d (-twin +emitted):\n%s", s.seq, got.Conversation, c.User, s.shows, d)
		}
	}
	for _, name := range c.Removed {
		// One that is in the list again is told in an event of its own, before it.
		again := len(c.Conversations)+len(c.Threads) == 0 && a.author.ended(c.User, name, before.version)
		if _, ok := list[name]; ok && !again {
			a.t.Errorf("event %d: %s of %q is removed and has not left the list at seq %d", s.seq, name, c.User, s.shows)
		}
	}
}

// settled compares what listeners know with what queries answer and with the
// twin, when all events are stored and read.
func (a *audit) settled(p *process) {
	a.t.Helper()
	a.advance(a.author.last())
	for _, seq := range slices.Sorted(maps.Keys(a.refuse)) {
		if _, ok := a.refusals[seq]; !ok {
			a.t.Errorf("the refusal of seq %d is not emitted", seq)
		}
	}
	v := p.view(a.upto)
	defer v.Close()
	users := a.twin.Users()
	for _, user := range users {
		a.asked(v, user)
		a.ledger.settled(v, user)
		for _, peer := range users {
			a.notified(user, peer)
		}
	}
	for k, seq := range a.raised {
		if _, ok := a.twin.ReadBy(k.group, k.id); ok && a.readers[k].shows < seq {
			a.t.Errorf("%+v: readers shown as at seq %d, raised by seq %d: %s", k, a.readers[k].shows, seq, a.author.log[seq-1].Command.Verb)
		}
	}
}

// ended reports whether a conversation of a user's may have ended after a seq: by what
// was written up to now.
func (a *author) ended(user, conversation string, after events.Seq) bool {
	of, _ := events.ParseConversation(conversation)
	return slices.ContainsFunc(a.log[min(int(after), len(a.log)):], func(c command) bool {
		switch c.Verb {
		case events.UserErase, events.UserDelete:
			return c.Inbox == user
		case events.GroupLeave, events.GroupDismiss:
			return of.Kind == events.Group && c.Inbox == of.ID
		}
		return false
	})
}

// notified compares the last receipts that a user has heard of with the twin.
func (a *audit) notified(user, peer string) {
	a.t.Helper()
	plain, ok := a.twin.Receipt(user, peer, nil)
	if main, of := a.twin.Receipt(user, peer, new("")); of && (!ok || main.Version > plain.Version) {
		plain, ok = main, true
	}
	if got := a.receipts[pair{user, peer, ""}]; ok && a.sends(plain) && (got.Upto != plain.Upto || got.At != plain.At) {
		a.t.Errorf("%q is notified last of %q %+v, the twin says %+v", user, peer, got, plain)
	}
	for _, thread := range a.twin.ReceiptThreads(user, peer) {
		r, _ := a.twin.Receipt(user, peer, &thread)
		if got := a.receipts[pair{user, peer, thread}]; got.Upto != r.Upto || got.At != r.At {
			a.t.Errorf("%q is notified last of %q in thread %s %+v, the twin says %+v", user, peer, thread, got, r)
		}
	}
}

// sends reports whether the twin has sent a receipt: one that was imported, it has not.
func (a *audit) sends(r events.ReceiptReply) bool {
	return a.sent[events.Receipt{
		User: r.User, Peer: r.Peer, Conversation: events.ConversationID{Kind: events.C2C, ID: r.Peer}.String(),
		Version: r.Version, Upto: r.Upto, At: r.At,
	}]
}

// readBy compares with the twin by how many messages are read.
func (a *audit) readBy(s *stored, r *events.GroupReceipts) {
	a.t.Helper()
	for _, got := range r.Receipts {
		if want, ok := a.shown(s.shows).ReadBy(r.Group, got.ID); !ok || want != got {
			a.t.Errorf("event %d: of %s at seq %d: %+v, the twin says %+v", s.seq, r.Group, s.shows, got, want)
		}
		if _, ok := a.raised[readKey{r.User, r.Group, got.ID}]; !ok {
			a.t.Errorf("event %d: %+v for %s: no read has raised that by seq %d", s.seq, got, r.User, s.at)
		}
	}
}

// asked compares what a query answers with the twin.
func (a *audit) asked(v *projector.View, user string) {
	reply := wholeList(a.t, v, user)
	if d := cmp.Diff(a.twin.Conversations(user), reply.Conversations, cmpopts.EquateEmpty()); d != "" {
		a.t.Errorf("list of %q at seq %d (-twin +query):\n%s", user, a.upto, d)
	}
	threads, _ := a.twin.Threads(user, events.ThreadsRequest{})
	if d := cmp.Diff(threads, wholeThreads(a.t, v, user), cmpopts.EquateEmpty()); d != "" {
		a.t.Errorf("threads of %q at seq %d (-twin +query):\n%s", user, a.upto, d)
	}
	if d := cmp.Diff(a.twin.Totals(user, events.NoKind, false), reply.Totals); d != "" || a.twin.Version(user) != reply.Version {
		a.t.Errorf("version of %q is %d, the twin says %d; totals (-twin +query):\n%s", user, reply.Version, a.twin.Version(user), d)
	}
}
