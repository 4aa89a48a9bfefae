package projector_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"reddot/events"
	"reddot/projector"
	"reddot/projector/testkit"
	"reddot/projector/twin"
)

// Headers of stored events that the tests read.
const (
	headerAt    = "Reddot-At"
	headerShows = "Reddot-Shows"
	headerMore  = "Reddot-More"
)

// stored is one message of the event stream.
type stored struct {
	seq     uint64
	subject string // below unread-out.0.
	at      events.Seq
	shows   events.Seq // at, or an older seq
	more    bool
	header  nats.Header
	data    []byte
}

// storedEvents reads the events in the event stream from a sequence to its end.
func (b *bus) storedEvents(from uint64) (all []stored) {
	b.t.Helper()
	stream := b.events()
	state := stream.CachedInfo().State
	if from = max(from, state.FirstSeq); state.Msgs == 0 || from > state.LastSeq {
		return nil
	}
	c := testkit.Must(stream.OrderedConsumer(testkit.Context(b.t), jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
	}))(b.t)
	it := testkit.Must(c.Messages(jetstream.PullMaxMessages(5_000)))(b.t)
	defer it.Stop()
	for read := from - 1; read < state.LastSeq; {
		msg := testkit.Must(it.Next(jetstream.NextMaxWait(testkit.Patience)))(b.t)
		read = testkit.Must(msg.Metadata())(b.t).Sequence.Stream
		if !amongEmitters(msg.Subject()) {
			all = append(all, b.event(msg))
		}
	}
	return all
}

// amongEmitters says whether a stored message is for other emitters only.
func amongEmitters(subject string) bool { return strings.Contains(subject, "-out.fence-") }

func (b *bus) event(msg jetstream.Msg) stored {
	b.t.Helper()
	s := stored{
		seq: testkit.Must(msg.Metadata())(b.t).Sequence.Stream, header: msg.Headers(), data: msg.Data(),
		more: msg.Headers().Get(headerMore) != "",
	}
	var ok bool
	if s.subject, ok = strings.CutPrefix(msg.Subject(), b.subjects.Prefix()+"-out.0."); !ok {
		b.t.Fatalf("stored event %d has subject %s", s.seq, msg.Subject())
	}
	if _, err := fmt.Sscan(s.header.Get(headerAt), &s.at); err != nil {
		b.t.Fatalf("stored event %d: header %s: %v", s.seq, headerAt, err)
	}
	s.shows = s.at
	if text := s.header.Get(headerShows); text != "" {
		if _, err := fmt.Sscan(text, &s.shows); err != nil || s.shows > s.at {
			b.t.Fatalf("stored event %d at seq %d: header %s %q: %v", s.seq, s.at, headerShows, text, err)
		}
	}
	return s
}

func (s *stored) decode(t testing.TB, event any) {
	t.Helper()
	if err := events.Unmarshal(s.header.Get("Content-Type"), s.data, event); err != nil {
		t.Fatalf("stored event %d: %v", s.seq, err)
	}
}

// ledger is what is known from stored events alone. It checks that they come
// in order and none twice.
type ledger struct {
	t        testing.TB
	at       events.Seq // that the last event shows
	users    map[string]*follower
	receipts map[pair]events.Receipt // the last ones
	readers  map[readKey]readers     // what the senders of messages know last
	refusals map[events.Seq]events.Rejected
	changes  int
}

type pair struct{ user, peer, thread string }

// readKey is a message of a group, and who is notified of its readers.
type readKey struct{ user, group, id string }

// readers is by how many a message is read, at the seq that the event shows.
type readers struct {
	events.GroupReceipt
	shows events.Seq
}

// follower is what a client knows that follows a user's change events.
type follower struct {
	version events.Seq
	more    bool // parts of the same change follow
	totals  events.Totals
	filters events.NamedTotals
	list    map[string]events.Conversation
	threads map[[2]string]events.Thread // followed ones
}

// audited enters all stored events, and checks that the last ones of so many members
// show what the view at a seq does.
func (b *bus) audited(p *process, last events.Seq, members int) *ledger {
	b.t.Helper()
	l := newLedger(b.t)
	for _, s := range b.storedEvents(1) {
		l.enter(&s)
	}
	v := p.view(last)
	defer v.Close()
	for i := range members {
		l.settled(v, member(i))
	}
	return l
}

func newLedger(t testing.TB) *ledger {
	return &ledger{t: t, users: map[string]*follower{}, receipts: map[pair]events.Receipt{}, readers: map[readKey]readers{}, refusals: map[events.Seq]events.Rejected{}}
}

// enter enters one event and returns what it says: a *events.Change,
// *events.Receipt, *events.GroupReceipts or *events.Rejected.
func (l *ledger) enter(s *stored) any {
	l.t.Helper()
	if s.at < l.at {
		l.t.Errorf("event %d shows seq %d, one before it seq %d", s.seq, s.at, l.at)
	}
	l.at = s.at
	var event any
	subject := ""
	switch s.subject[strings.LastIndexByte(s.subject, '.')+1:] {
	case "change":
		c := new(events.Change)
		s.decode(l.t, c)
		l.change(s, c)
		event, subject = c, "evt."+events.EscapeToken(c.User)+".change"
	case "receipt":
		r := new(events.Receipt)
		s.decode(l.t, r)
		l.receipt(s, r)
		event, subject = r, "evt."+events.EscapeToken(r.User)+".receipt"
	case "group-receipt":
		r := new(events.GroupReceipts)
		s.decode(l.t, r)
		l.groupReceipts(s, r)
		event, subject = r, "evt."+events.EscapeToken(r.User)+".group-receipt"
	case "rejected":
		r := new(events.Rejected)
		s.decode(l.t, r)
		if _, ok := l.refusals[r.Seq]; ok {
			l.t.Errorf("event %d: the refusal of seq %d is emitted twice", s.seq, r.Seq)
		}
		l.refusals[r.Seq] = *r
		event, subject = r, "rejected"
	}
	if s.subject != subject {
		l.t.Errorf("event %d, %+v, has subject %s", s.seq, event, s.subject)
	}
	return event
}

func (l *ledger) change(s *stored, c *events.Change) {
	l.changes++
	f := l.users[c.User]
	if f == nil {
		f = newFollower()
		l.users[c.User] = f
	}
	if c.Version < f.version || c.Version == f.version && !f.more || c.Version > s.at {
		l.t.Errorf("event %d at seq %d: %q gets version %d after %d", s.seq, s.at, c.User, c.Version, f.version)
	}
	for _, v := range c.Conversations {
		f.list[v.Conversation] = v
	}
	f.hearThreads(c)
	f.version, f.totals, f.filters, f.more = c.Version, c.Totals, c.Filters, s.more
	if sum := twin.Sum(maps.Values(f.list), c.Totals); !f.more && sum != c.Totals {
		l.t.Errorf("event %d at seq %d: rule total: %q hears\n%+v, but the list sums up to\n%+v", s.seq, s.at, c.User, c.Totals, sum)
	}
}

func (l *ledger) receipt(s *stored, r *events.Receipt) {
	k := pair{r.User, r.Peer, r.Thread}
	before := l.receipts[k]
	// The main timeline's is written as the conversation's: both can be due at once.
	again := r.Version == before.Version && (r.Thread != "" || *r == before)
	if r.Version < before.Version || again || r.Version > s.at {
		l.t.Errorf("event %d at seq %d: %+v comes after %+v", s.seq, s.at, r, before)
	}
	l.receipts[k] = *r
}

// groupReceipts enters by how many messages are read (rule receipts-sent).
func (l *ledger) groupReceipts(s *stored, r *events.GroupReceipts) {
	if n := len(r.Receipts); n == 0 || n > events.MaxReceipts || r.Version > s.at {
		l.t.Errorf("event %d at seq %d: %+v", s.seq, s.at, r)
	}
	for _, m := range r.Receipts {
		if m.Read > m.Members {
			l.t.Errorf("event %d at seq %d: %q is read by %d of %d", s.seq, s.at, m.ID, m.Read, m.Members)
		}
		l.readers[readKey{r.User, r.Group, m.ID}] = readers{m, s.shows}
	}
}

// settled compares what a follower knows with what a query answers, when all
// events are stored and entered.
func (l *ledger) settled(v *projector.View, user string) {
	l.t.Helper()
	f := l.users[user]
	if f == nil {
		f = newFollower()
	}
	reply := wholeList(l.t, v, user)
	if d := cmp.Diff(reply.Totals, f.totals); d != "" || f.version > reply.Version || f.more {
		l.t.Errorf("%q has heard version %d, the query answers %d; totals (-query +heard):\n%s", user, f.version, reply.Version, d)
	}
	// The version of a conversation moves by itself for those who had read a
	// recalled message: they are not emitted (rule quiet).
	if d := cmp.Diff(byName(reply.Conversations), f.list, unversioned); d != "" {
		l.t.Errorf("list of %q at seq %d, heard at version %d (-query +heard):\n%s", user, v.Applied(), f.version, d)
	}
	asked := map[[2]string]events.Thread{}
	for _, t := range wholeThreads(l.t, v, user) {
		asked[[2]string{t.Conversation, t.Thread}] = t
	}
	if d := cmp.Diff(asked, f.threads, unversioned); d != "" {
		l.t.Errorf("threads of %q at seq %d, heard at version %d (-query +heard):\n%s", user, v.Applied(), f.version, d)
	}
}

func byName(list []events.Conversation) map[string]events.Conversation {
	m := make(map[string]events.Conversation, len(list))
	for _, c := range list {
		m[c.Conversation] = c
	}
	return m
}

// wholeList asks for all pages of a user's list.
func wholeList(t testing.TB, v *projector.View, user string) events.ConversationsReply {
	t.Helper()
	q := events.ConversationsRequest{Limit: new(events.MaxLimit)}
	all := testkit.Must(v.Conversations(user, q))(t)
	for all.Next != "" {
		q.After = all.Next
		page := testkit.Must(v.Conversations(user, q))(t)
		all.Conversations, all.Next = append(all.Conversations, page.Conversations...), page.Next
	}
	return all
}

// view opens a view, which must be of a seq.
func (p *process) view(of events.Seq) *projector.View {
	p.t.Helper()
	v := testkit.Must(p.View())(p.t)
	if v.Applied() != of {
		p.t.Errorf("the view is of seq %d, not %d", v.Applied(), of)
	}
	return v
}
