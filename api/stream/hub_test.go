package stream

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"reddot/events"
	"reddot/projector/testkit"
	"reddot/projector/testkit/natstest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// unasked is a source, and a journal, of tests in which nobody asks for a state.
type unasked struct{ testing.TB }

func (s unasked) Epoch() string { return "0123456789ab" }

func (s unasked) Await(context.Context, string, events.Seq, time.Duration) error { return nil }

func (s unasked) Last(context.Context) (events.Seq, error) { return 0, nil }

func (s unasked) Watch(string) {}

func (s unasked) Resume(context.Context, string, events.ResumeRequest) (events.ResumeReply, events.Seq, error) {
	s.Error("a state is asked for")
	return events.ResumeReply{}, 0, errMoved
}

func (s unasked) Ends(context.Context) (first, last uint64, err error) { return 1, 0, nil }

func (s unasked) Follow(context.Context, uint64, func(Entry) error) error {
	s.Error("the event stream is read")
	return nil
}

// stage is a hub, and streams of alice that were told all up to seq 10.
type stage struct {
	*testing.T
	hub      *Hub
	subjects events.Subjects
	stored   map[string]uint64
}

func newStage(t *testing.T) *stage {
	subjects := testkit.Must(events.NewSubjects("unread"))(t)
	h := testkit.Must(New(Config{Conn: natstest.StartCore(t).Connect(), Subjects: subjects, Source: unasked{t}, Journal: unasked{t}}))(t)
	return &stage{t, h, subjects, map[string]uint64{}}
}

// enter is a member that is live.
func (s *stage) enter() *member {
	s.Helper()
	c := testkit.Must(s.hub.open(s.Context(), SSE, "", time.Time{}))(s.T)
	s.Cleanup(func() { s.hub.leave(c, gone) })
	m := s.hub.enter(c, &Request{User: "alice", Receipts: true})
	if next, f, _ := s.hub.next(c); next != m || f != nil {
		s.Fatal("a member begins without its state")
	}
	s.hub.begin(m)
	m.told, m.base = cursor{"0123456789ab", 10, 10}, 10
	s.hub.began(m)
	return m
}

// message is an event of alice's as the NATS server hands it on; change may alter it.
func (s *stage) message(kind string, event any, change ...func(*nats.Msg)) *nats.Msg {
	m := nats.NewMsg("unread.evt.alice." + kind)
	m.Data = testkit.Must(events.Marshal(events.Msgpack, event))(s.T)
	last := s.stored[kind]
	s.stored[kind] = s.stored[""] + 1
	s.stored[""]++
	m.Header.Set(events.HeaderContentType, events.Msgpack.ContentType())
	m.Header.Set(events.HeaderStream, "UNREAD_EVENTS")
	m.Header.Set(nats.JSSequence, strconv.FormatUint(s.stored[kind], 10))
	m.Header.Set(nats.JSLastSequence, strconv.FormatUint(last, 10))
	for _, f := range change {
		f(m)
	}
	return m
}

func (s *stage) change(version events.Seq, change ...func(*nats.Msg)) {
	s.hub.hear(s.message("change", &events.Change{User: "alice", Version: version, Totals: events.Totals{Unread: uint64(version)}}, change...))
}

// set is a header with another value.
func set(name, value string) func(*nats.Msg) {
	return func(m *nats.Msg) { m.Header.Set(name, value) }
}

// written are events as they are told.
type written []string

func (w *written) tell(e *event) error {
	*w = append(*w, fmt.Sprintf("%s %s %v", e.name, e.cursor, e.more))
	return nil
}

// told tells a member what waits for it; state says that its state is to be read instead.
func (s *stage) told(m *member) (all written, state bool) {
	s.Helper()
	for {
		next, f, safe := s.hub.next(m.conn)
		switch {
		case next == nil:
			return all, false
		case f == nil:
			return all, true
		}
		testkit.OK(s.T, m.tellFrame(&all, f, safe))
	}
}

// TestQueue: as many events wait as may; with one more the member is behind, once, and
// nothing waits.
func TestQueue(t *testing.T) {
	s := newStage(t)
	m, other := s.enter(), s.enter()
	for i := range maxQueue {
		s.change(events.Seq(11 + i))
	}
	if all, state := s.told(other); len(all) != maxQueue || state {
		t.Errorf("told %d events, its state %v", len(all), state)
	}
	s.change(100)
	s.change(101)
	if all, state := s.told(m); len(all) > 0 || !state {
		t.Errorf("told %v, its state %v", all, state)
	}
	if !s.hub.begin(m) || s.hub.begin(m) {
		t.Error("it is not behind once")
	}
	if all, state := s.told(other); len(all) != 2 || state {
		t.Errorf("the other one is told %v, its state %v", all, state)
	}
	if s.hub.mu.queued != 0 || s.hub.mu.many != 0 || m.bytes != 0 {
		t.Errorf("%d bytes wait, %d of the member's; %d have many", s.hub.mu.queued, m.bytes, s.hub.mu.many)
	}
}

// TestQueueBytes: a large event is told where none waits before it.
func TestQueueBytes(t *testing.T) {
	s := newStage(t)
	m := s.enter()
	large := &events.Change{User: "alice", Version: 11, Removed: []string{strings.Repeat("x", maxQueueBytes)}}
	s.hub.hear(s.message("change", large))
	if all, state := s.told(m); len(all) != 1 || state {
		t.Errorf("told %v, its state %v", all, state)
	}
	s.change(12)
	large.Version = 13
	s.hub.hear(s.message("change", large))
	if all, state := s.told(m); len(all) > 0 || !state {
		t.Errorf("told %v, its state %v", all, state)
	}
}

// TestQueued: where too much waits for all, those go behind who have many events waiting.
func TestQueued(t *testing.T) {
	s := newStage(t)
	few, many := s.enter(), s.enter()
	for i := range fewQueued + 1 {
		s.change(events.Seq(11 + i))
	}
	if next, f, safe := s.hub.next(few.conn); next != few || f == nil || safe != 0 {
		t.Fatal("nothing waits")
	}
	s.hub.mu.queued += maxQueued - s.hub.mu.queued // of others
	s.change(100)
	if all, state := s.told(many); len(all) > 0 || !state {
		t.Errorf("who has many is told %v, its state %v", all, state)
	}
	if all, state := s.told(few); len(all) != fewQueued+1 || state {
		t.Errorf("who has few is told %v, its state %v", all, state)
	}
}

// TestMissing: where an event may be missing the state is read again, and nobody is behind.
func TestMissing(t *testing.T) {
	for name, hear := range map[string]func(*stage){
		"one before it":     func(s *stage) { s.change(12, set(nats.JSLastSequence, "9")) },
		"another stream":    func(s *stage) { s.change(12, set(nats.JSSequence, "1"), set(nats.JSLastSequence, "0")) },
		"no place":          func(s *stage) { s.change(12, set(nats.JSSequence, "")) },
		"broken":            func(s *stage) { s.change(12, func(m *nats.Msg) { m.Data = m.Data[:5] }) },
		"of another user":   func(s *stage) { s.hub.hear(s.message("change", &events.Change{User: "zoe", Version: 12})) },
		"the connection is": func(s *stage) { s.hub.back(s.Context()) },
	} {
		s := newStage(t)
		m := s.enter()
		s.change(11)
		hear(s)
		if all, state := s.told(m); len(all) > 0 || !state || s.hub.begin(m) {
			t.Errorf("%s: told %v, its state %v", name, all, state)
		}
	}
	s := newStage(t)
	m := s.enter()
	s.change(11, set(events.HeaderStream, ""))
	s.change(11, set(events.HeaderStream, "OTHER"))
	if all, state := s.told(m); len(all) > 0 || state {
		t.Errorf("of nobody's: told %v, its state %v", all, state)
	}
}

// TestPlaces: the places that a client goes on from. Parts have none but the last; of
// receipts it is what the emitter says is stored.
func TestPlaces(t *testing.T) {
	s := newStage(t)
	m := s.enter()
	s.change(9)
	s.change(12, set(events.HeaderMore, "1"))
	s.change(12)
	all, _ := s.told(m)
	if got, want := strings.Join(all, "; "), "change 0123456789ab.10.10 true; change 0123456789ab.12.10 false"; got != want {
		t.Errorf("changes: %s, want %s", got, want)
	}
	receipt := func(version events.Seq, emitted string) {
		s.hub.hear(s.message("receipt", &events.Receipt{User: "alice", Version: version, Peer: "bob", Conversation: "c2c_bob", Upto: "m", At: 1}, set(events.HeaderEmitted, emitted)))
	}
	receipt(15, "13")
	receipt(14, "13")
	receipt(10, "15")
	all, _ = s.told(m)
	if got, want := strings.Join(all, "; "), "receipts 0123456789ab.12.13 false; receipts 0123456789ab.12.13 false"; got != want {
		t.Errorf("receipts: %s, want %s", got, want)
	}
}

// TestCursor: what is written is read, and nothing else.
func TestCursor(t *testing.T) {
	c := cursor{"0123456789ab", maxVersion, maxVersion}
	if got, ok := parseCursor(c.String()); !ok || got != c || len(c.String()) > 64 {
		t.Errorf("%s is read as %v, %v", c, got, ok)
	}
	for _, s := range []string{"", ".", "0123456789ab", "0123456789ab.1", "0123456789ab.1.", "0123456789ab.1.2.3", "0123456789ab.+1.2", "0123456789ab.01.2", "0123456789ab.1.2 ",
		"0123456789aB.1.2", "0123456789a.1.2", "0123456789ab.9007199254740992.0", "0123456789ab.99999999999999999999.0", "0123456789ab.1.-2", "\x00"} {
		if got, ok := parseCursor(s); ok {
			t.Errorf("%q is read as %v", s, got)
		}
	}
}

func (w *written) hold(*room)  {}
func (w *written) done() error { return nil }

// TestRoom: long states take what they take of the budget, one of a user at a time, and all
// of it comes back, whether they grow, shrink or are given up.
func TestRoom(t *testing.T) {
	all := newBudget(maxStates)
	alice, bob := make(chan struct{}, 1), make(chan struct{}, 1)
	a, again, b := &room{of: all, turn: alice}, &room{of: all, turn: alice}, &room{of: all, turn: bob}
	const long = smallState + 1
	steps := []struct {
		name string
		got  bool
		want bool
	}{
		{"a small one needs none", a.fit(smallState), true},
		{"a long one", a.fit(long), true},
		{"a second one of the user", again.fit(long), false},
		{"a small one beside it", again.fit(10), true},
		{"it grows", a.fit(maxStates - long), true},
		{"there is no room for more", b.fit(long + 1), false},
		{"there is for as much as is left", b.fit(long), true},
		{"it shrinks", a.fit(2 * long), true},
		{"it gets small", a.fit(1), true},
		{"its turn is another's", again.fit(long), true},
	}
	for _, s := range steps {
		if s.got != s.want {
			t.Errorf("%s: %v", s.name, s.got)
		}
	}
	b.free()
	b.free()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.wait(ctx, long); err == nil {
		t.Error("a turn that another has was waited for, and got")
	}
	again.free()
	testkit.OK(t, a.wait(t.Context(), maxStates))
	a.free()
	if !all.TryAcquire(maxStates) {
		t.Error("not all of the budget has come back")
	}
}
